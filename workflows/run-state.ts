/** The state of a run: plain JSON, so that a long run can continue in a new history. */
import { LIMITS } from '../pipeline/limits';
import type { DownTarget } from '../pipeline/error-details';
import { addSteps, bookRows, findImbalances, type StepCount } from '../pipeline/row-balance';
import type {
  ErrorReport,
  RowCounts,
  RunReport,
  RunStatus,
  StepName,
  TargetReport,
} from '../pipeline/report';
import type { Activities } from '../activities';

/** What prepare has returned. */
export type Prepared = Awaited<ReturnType<Activities['prepare']>>;

export interface RunState {
  pipeline: string;
  runKey: string;
  startedMs: number;
  step: StepName;
  plan: Prepared | null;
  /** Number of partitions known so far, and whether these are all. */
  landed: number;
  landedAll: boolean;
  /** Number of partitions extracted in the current round. */
  extracted: number;
  read: number;
  rejected: number;
  /** Of the rejected records: they are not loaded while the others are. Known after validate. */
  deadLetter?: RunReport['dead_letter'];
  /** Digest of the types of the last staged partition, and whether another partition has other types. */
  types: string | null;
  typesDiffer: boolean;
  checks: RunReport['checks'];
  /** Of the source, with their final types. */
  columns: RunReport['source']['columns'];
  /** Output parts done, and their rows. */
  transformed: number;
  output: number;
  counts: StepCount[];
  targets: TargetReport[];
  /** Targets that are down for good: the run goes on without them. */
  lost: DownTarget[];
  /** Output parts loaded, by target. */
  loaded: number[];
  steps: RunReport['steps'];
  warnings: string[];
  error: ErrorReport | null;
}

/** Where a run is, as the query `progress` answers. */
export interface Progress {
  step: StepName;
  parts_done: number;
  parts_total: number;
  rows_read: number;
  bytes_total: number;
  run_key: string;
  config_digest: string;
  /** ISO 8601, UTC. */
  started_at: string;
  /** What steps wait for, as `waiting for disk space: …`. */
  waiting: readonly string[];
}

export function createRunState(pipeline: string, runKey: string, startedMs: number): RunState {
  return {
    pipeline,
    runKey,
    startedMs,
    step: 'prepare',
    plan: null,
    landed: 0,
    landedAll: false,
    extracted: 0,
    read: 0,
    rejected: 0,
    types: null,
    typesDiffer: false,
    checks: [],
    columns: [],
    transformed: 0,
    output: 0,
    counts: [],
    targets: [],
    lost: [],
    loaded: [],
    steps: {},
    warnings: [],
    error: null,
  };
}

/** Before the first load. A target that has the rows already is published: nothing is loaded into it. */
export function startLoads(state: RunState, { targets }: Prepared): void {
  state.targets = targets.map((target, index) => {
    const error = state.lost.find((lost) => lost.target === index)?.error;
    const status = target.already ? 'published' : error ? 'failed' : 'pending';
    return { ...target, rows_loaded: 0, status, ...(error && { error }) };
  });
  state.loaded = targets.map(() => 0);
}

/** Types have changed: all partitions are extracted again. */
export function restartExtract(state: RunState): void {
  Object.assign(state, { extracted: 0, read: 0, rejected: 0, types: null, typesDiffer: false });
}

/** Adds the counts of one part to those of the parts before it. */
export function addCounts(state: RunState, counts: readonly StepCount[]): void {
  state.counts = addSteps(state.counts, counts);
}

/** Adds what is not there yet: `LIMITS.warningsMax` warnings of `LIMITS.warningCharsMax` characters. */
export function addWarnings(state: RunState, warnings: readonly string[]): void {
  const texts = warnings.map((text) => shorten(text, LIMITS.warningCharsMax));
  state.warnings = [...new Set([...state.warnings, ...texts])].slice(0, LIMITS.warningsMax);
}

function shorten(text: string, charsMax: number): string {
  return text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text;
}

export function buildReport(
  state: RunState,
  workflowId: string,
  status: RunStatus,
  nowMs: number,
): RunReport {
  const rows = rowsOf(state);
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
    ...publishSkew(state),
    steps: state.steps,
    dead_letter: { path: null, records: 0, ...state.deadLetter },
    source: { files: state.plan?.files ?? [], columns: state.columns },
    warnings: state.warnings,
    error: state.error,
  };
}

/** What became of the rows. */
export function rowsOf({ read, rejected, deadLetter, counts, output }: RunState): RowCounts {
  const quarantined = deadLetter?.records ?? 0;
  return bookRows(read, { rejected: rejected - quarantined, quarantined }, counts, output);
}

function publishSkew({ runKey, targets }: RunState): Pick<RunReport, 'publish_skew_ms'> {
  const moments = targets.flatMap(({ published_at, already }) => {
    const moment = published_at ?? (already?.run_key === runKey ? already.published_at : undefined);
    return moment === undefined ? [] : [Date.parse(moment)];
  });
  return moments.length < 2 ? {} : { publish_skew_ms: Math.max(...moments) - Math.min(...moments) };
}

export function progressOf(state: RunState, waiting: readonly string[] = []): Progress {
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
    waiting,
  };
}

function partsOf(state: RunState): [number, number] {
  const { plan, landed } = state;
  switch (state.step) {
    case 'extract':
      return [state.extracted, plan?.partitions ?? landed];
    case 'transform':
      return [state.transformed, plan?.perPartition ? Math.max(1, landed) : 1];
    case 'load': {
      const parts = plan?.perPartition ? Math.max(1, landed) : 1;
      return [state.loaded.reduce((sum, loaded) => sum + loaded, 0), parts * state.targets.length];
    }
    case 'publish':
      return [state.targets.filter((target) => target.status !== 'pending').length, state.targets.length];
    case 'prepare':
    case 'validate':
    case 'finish':
      return [0, 1];
  }
}
