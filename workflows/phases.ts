/** The phases of a run. Each goes on where the state says it is, in windows short enough for one history. */
import { continueAsNew, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { LoadInput } from '../activities/load';
import type { PrepareResult } from '../activities/prepare';
import type { Place } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { mergeAllEvidence } from '../pipeline/schema';
import { errorReportOf } from './failures';
import { fanOut } from './fan-out';
import type { pipeline } from './pipeline';
import type { Run } from './run';
import { addCounts, restartExtract, type RunState } from './run-state';

/** Reads all chunks; anew from the first one whenever a chunk shows that a type was guessed too narrow. */
export async function extractPhase(run: Run, plan: PrepareResult): Promise<void> {
  const { state, ref } = run;
  if (state.extracted >= plan.chunks) return;
  await run.timed('extract', async () => {
    while (state.extracted < plan.chunks) {
      const before = state.wider;
      let wider = before;
      const found: Found[] = [];
      await fanOut(
        windowFrom(state.extracted, plan.chunks),
        plan.parallelWorkers,
        async (chunk) => {
          const summary = `extract ${chunk + 1}/${plan.chunks}`;
          const result = await run.step('extract', summary, { run: ref, chunk, wider: before });
          if (result.wider) wider = mergeAllEvidence([wider, result.wider]);
          found.push({ chunk, places: result.places, becameText: result.becameText ?? {} });
          state.read += result.rows + result.rejected;
          state.rejected += result.rejected;
          state.extracted += 1;
          run.show();
        },
        () => wider === before,
      );
      keepPlaces(state, found);
      if (wider !== before) restartExtract(state, wider);
      await yieldHistory(run);
    }
  });
}

interface Found {
  chunk: number;
  places: readonly Place[];
  becameText: Readonly<Record<string, Place>>;
}

/** Chunks end in any order; the report names the first places of the source. */
function keepPlaces(state: RunState, found: Found[]): void {
  found.sort((a, b) => a.chunk - b.chunk);
  state.places = [...state.places, ...found.flatMap(({ places }) => places)].slice(0, LIMITS.placesMax);
  for (const { becameText } of found) state.becameText = { ...becameText, ...state.becameText };
}

export async function validatePhase(run: Run): Promise<void> {
  const { state, ref } = run;
  if (state.checks.length > 0) return;
  const { wider, read, rejected, places, becameText } = state;
  const input = { run: ref, wider, read, rejected, places, becameText };
  const result = await run.timed('validate', () => run.step('validate', 'validate', input));
  state.checks = result.checks;
}

/** Row-wise pipelines part by part; a pipeline that needs all rows at once in one combine. */
export async function transformPhase(run: Run, plan: PrepareResult): Promise<void> {
  const { state, ref } = run;
  // A source without records still has one output part: an empty one.
  const parts = plan.perChunk ? Math.max(1, plan.chunks) : 1;
  if (state.transformed >= parts) return;
  await run.timed('transform', async () => {
    while (state.transformed < parts) {
      await fanOut(windowFrom(state.transformed, parts), plan.parallelWorkers, async (part) => {
        const summary = plan.perChunk ? `transform ${part + 1}/${parts}` : 'combine';
        const chunk = plan.perChunk && plan.chunks > 0 ? part : null;
        const result = await run.step('transform', summary, { run: ref, part, chunk, wider: state.wider });
        state.outputRows[part] = result.rows;
        addCounts(state, result.counts);
        state.transformed += 1;
        run.show();
      });
      await yieldHistory(run);
    }
  });
}

/** Every target by itself: one that fails for good leaves the others alone. */
export async function loadPhase(run: Run, plan: PrepareResult): Promise<void> {
  const { state } = run;
  if (state.targets.length === 0) {
    state.targets = plan.targets.map((target) => ({ ...target, rows_loaded: 0, status: 'pending' as const }));
    state.loaded = plan.targets.map(() => 0);
  }
  const loads = planLoads(state.outputRows);
  const isOpen = (target: number): boolean =>
    state.targets[target]?.status !== 'failed' && (state.loaded[target] ?? 0) < loads.length;
  let open = [...plan.targets.keys()].filter(isOpen);
  if (open.length === 0) return;
  await run.timed('load', async () => {
    while (open.length > 0) {
      const size = Math.max(1, Math.floor(LIMITS.windowMax / open.length));
      await fanOut(open, open.length, (target) => loadTarget(run, target, loads, size));
      await yieldHistory(run);
      open = open.filter(isOpen);
    }
  });
}

type Load = Omit<LoadInput, 'run' | 'target'>;

/** The next loads of a target, at most `size` of them. */
async function loadTarget(run: Run, index: number, loads: readonly Load[], size: number): Promise<void> {
  const { state, ref } = run;
  const target = state.targets[index];
  if (!target) return;
  const first = state.loaded[index] ?? 0;
  try {
    for (const load of loads.slice(first, first + size)) {
      const summary = `load ${load.part + 1}/${loads.length} into ${target.name}`;
      const result = await run.step('load', summary, { run: ref, target: index, ...load });
      target.rows_loaded += result.rows;
      state.loaded[index] = load.part + 1;
      run.show();
    }
  } catch (error) {
    if (isCancellation(error)) throw error;
    Object.assign(target, { status: 'failed', error: errorReportOf(error, 'load') });
  }
}

/** Makes the loads visible, target by target. */
export async function publishPhase(run: Run): Promise<void> {
  const { state, ref } = run;
  await run.timed('publish', async () => {
    for (const [index, target] of state.targets.entries()) {
      if (target.status !== 'pending') continue;
      try {
        await run.step('publish', `publish ${target.name}`, {
          run: ref,
          target: index,
          rows: target.rows_loaded,
        });
        target.status = 'published';
      } catch (error) {
        if (isCancellation(error)) throw error;
        Object.assign(target, { status: 'failed', error: errorReportOf(error, 'publish') });
      }
    }
  });
  const failed = state.targets.find((target) => target.status === 'failed');
  if (!failed?.error) return;
  state.error = failed.error;
  throw new Error(failed.error.message);
}

/** Cuts the output into loads whose transactions are bounded. */
export function planLoads(outputRows: readonly number[]): Load[] {
  const loads: Load[] = [];
  outputRows.forEach((rows, outputPart) => {
    for (let firstRow = 0; firstRow < rows; firstRow += LIMITS.loadPartRowsMax) {
      const size = Math.min(LIMITS.loadPartRowsMax, rows - firstRow);
      loads.push({ part: loads.length, outputPart, firstRow, rows: size });
    }
  });
  return loads;
}

/** The next items, bounded so that the history is looked at between windows. */
function windowFrom(first: number, end: number): number[] {
  return Array.from({ length: Math.min(LIMITS.windowMax, end - first) }, (_, offset) => first + offset);
}

/** Goes on in a fresh history when the server asks for it. */
async function yieldHistory(run: Run): Promise<void> {
  if (!workflowInfo().continueAsNewSuggested) return;
  run.bookTime();
  await continueAsNew<typeof pipeline>({ ...run.request, run_key: run.state.runKey, resume: run.state });
}
