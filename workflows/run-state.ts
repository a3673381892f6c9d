/** What a run knows of itself: plain JSON, so that a long run can go on in a fresh history. */
import { bookRows, findImbalances, type StepCount } from '../pipeline/row-balance';
import type { ErrorReport, RunReport, RunStatus, StepName, TargetReport } from '../pipeline/report';
import type { Place } from '../pipeline/errors';
import type { Evidence } from '../pipeline/schema';
import type { PrepareResult } from '../activities/prepare';
import type { Progress } from './messages';

export interface RunState {
  pipeline: string;
  runKey: string;
  startedMs: number;
  step: StepName;
  plan: PrepareResult | null;
  /** Chunks done in order, of the current round. */
  extracted: number;
  read: number;
  rejected: number;
  places: Place[];
  wider: Evidence;
  becameText: Record<string, Place>;
  checks: RunReport['checks'];
  /** Output parts done. */
  transformed: number;
  /** Rows of each output part, in order. */
  outputRows: number[];
  counts: StepCount[];
  targets: TargetReport[];
  /** Load activities done, by target. */
  loaded: number[];
  steps: RunReport['steps'];
  error: ErrorReport | null;
}

export function createRunState(pipeline: string, runKey: string, startedMs: number): RunState {
  return {
    pipeline,
    runKey,
    startedMs,
    step: 'prepare',
    plan: null,
    extracted: 0,
    read: 0,
    rejected: 0,
    places: [],
    wider: {},
    becameText: {},
    checks: [],
    transformed: 0,
    outputRows: [],
    counts: [],
    targets: [],
    loaded: [],
    steps: {},
    error: null,
  };
}

/** Forgets what extract found: types have changed, all chunks are read anew. */
export function restartExtract(state: RunState, wider: Evidence): void {
  Object.assign(state, { extracted: 0, read: 0, rejected: 0, places: [], wider });
}

/** Adds the counts of one part to those of the parts before it. */
export function addCounts(state: RunState, counts: readonly StepCount[]): void {
  if (state.counts.length === 0) {
    state.counts = counts.map((count) => ({ ...count }));
    return;
  }
  counts.forEach((count, index) => {
    const sum = state.counts[index];
    if (!sum) return;
    sum.rows_in += count.rows_in;
    sum.rows_out += count.rows_out;
  });
}

export function outputOf(state: RunState): number {
  return state.outputRows.reduce((sum, rows) => sum + rows, 0);
}

export function buildReport(
  state: RunState,
  workflowId: string,
  status: RunStatus,
  nowMs: number,
): RunReport {
  const rows = bookRows(state.read, state.rejected, state.counts, outputOf(state));
  return {
    pipeline: state.pipeline,
    run_key: state.runKey,
    workflow_id: workflowId,
    status,
    config_digest: state.plan?.digest ?? '',
    started_at: new Date(state.startedMs).toISOString(),
    duration_ms: nowMs - state.startedMs,
    rows,
    balanced: status === 'succeeded' && findImbalances(rows, state.counts, state.targets).length === 0,
    transforms: state.counts.map(({ type, rows_in, rows_out }) => ({ type, rows_in, rows_out })),
    checks: state.checks,
    targets: state.targets,
    steps: state.steps,
    dead_letter: { path: null, records: 0 },
    source: { files: state.plan?.files ?? [] },
    error: state.error,
  };
}

export function progressOf(state: RunState): Progress {
  const [partsDone, partsTotal] = partsOf(state);
  return {
    step: state.step,
    parts_done: partsDone,
    parts_total: partsTotal,
    rows_read: state.read,
    bytes_total: state.plan?.bytes ?? 0,
    run_key: state.runKey,
    config_digest: state.plan?.digest ?? '',
    started_at: new Date(state.startedMs).toISOString(),
  };
}

function partsOf(state: RunState): [number, number] {
  const chunks = state.plan?.chunks ?? 0;
  switch (state.step) {
    case 'extract':
      return [state.extracted, chunks];
    case 'transform':
      return [state.transformed, state.plan?.perChunk ? Math.max(1, chunks) : 1];
    case 'load':
    case 'publish':
      return [state.targets.filter((target) => target.status !== 'pending').length, state.targets.length];
    case 'prepare':
    case 'validate':
    case 'finish':
      return [0, 1];
  }
}
