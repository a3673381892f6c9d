/** The phases of a run. Each continues from the state, in windows that are short enough for one history. */
import { condition, continueAsNew, isCancellation, workflowInfo } from '@temporalio/workflow';
import { LIMITS } from '../pipeline/limits';
import { detailsIn, errorReportOf } from './failures';
import { fanOut, runTogether } from './fan-out';
import type { PipelineInput } from './messages';
import type { Run } from './run';
import * as stepSummary from './step-summary';
import {
  addCounts,
  addWarnings,
  restartExtract,
  startLoads,
  type Prepared,
  type RunState,
} from './run-state';

/**
 * Stages all partitions. When a partition shows that a type must be wider, all are extracted again; a part that can be
 * cast without loss is not read again.
 */
export async function extractPhase(run: Run, plan: Prepared): Promise<void> {
  const { state } = run;
  if (state.checks.length > 0) return;
  if (plan.partitions !== null) Object.assign(state, { landed: plan.partitions, landedAll: true });
  if (state.landedAll && state.extracted >= state.landed && !state.typesDiffer) return;
  await run.timed('extract', async () => {
    for (;;) {
      while (!state.landedAll || state.extracted < state.landed) {
        await extractWindow(run, plan);
        await continueIfHistoryIsLong(run);
      }
      if (!state.typesDiffer) return;
      restartExtract(state);
    }
  });
}

/** Lands partitions one after the other, a few ahead of the extracts that read them. */
async function extractWindow(run: Run, plan: Prepared): Promise<void> {
  const { parallelWorkers } = plan;
  const { state, ref } = run;
  const end = state.extracted + LIMITS.windowMax;
  let next = state.extracted;
  const land = async (): Promise<void> => {
    while (!state.landedAll && state.landed < end) {
      await condition(() => state.landed - next <= parallelWorkers);
      const summary = stepSummary.land(state.landed);
      const { last } = await run.step('land', summary, { run: ref, partition: state.landed });
      state.landed += 1;
      state.landedAll = last;
    }
  };
  const extract = async (): Promise<void> => {
    for (;;) {
      const isLanded = (): boolean => state.landedAll || state.landed >= end;
      await condition(() => next < state.landed || isLanded());
      if (next >= Math.min(state.landed, end)) {
        if (isLanded()) return;
        // Another lane took the partition that this one waited for.
        continue;
      }
      const partition = next;
      next += 1;
      const summary = stepSummary.extract(plan, partition);
      const result = await run.step('extract', summary, { run: ref, partition });
      state.read += result.rows + result.rejected;
      state.rejected += result.rejected;
      state.typesDiffer ||= state.types !== null && state.types !== result.types;
      state.types = result.types;
      state.extracted += 1;
      run.show();
    }
  };
  await runTogether([land, ...Array.from({ length: parallelWorkers }, () => extract)]);
}

export async function validatePhase(run: Run): Promise<void> {
  const { state, ref } = run;
  if (state.checks.length > 0) return;
  const result = await run.timed('validate', () =>
    withoutLost(state, (without) => run.step('validate', stepSummary.validate(state), { run: ref, without })),
  );
  state.checks = result.checks;
  addWarnings(state, result.warnings ?? []);
  if (result.deadLetter) state.deadLetter = result.deadLetter;
  state.columns = result.columns;
}

/** Row-wise pipelines part by part; a pipeline that needs all rows at once in one step, combine. */
export async function transformPhase(run: Run, plan: Prepared): Promise<void> {
  const { state, ref } = run;
  const parts = countParts(run, plan);
  if (state.transformed >= parts) return;
  await run.timed('transform', async () => {
    while (state.transformed < parts) {
      await fanOut(windowFrom(state.transformed, parts), plan.parallelWorkers, async (part) => {
        const summary = stepSummary.transform(state, part, parts);
        const partition = plan.perPartition && state.landed > 0 ? part : null;
        const result = await run.step('transform', summary, { run: ref, part, partition });
        state.output += result.rows;
        addCounts(state, result.counts);
        state.transformed += 1;
        run.show();
      });
      await continueIfHistoryIsLong(run);
    }
  });
}

/** The parts of the output. A source without records still has one: an empty one. */
function countParts({ state }: Run, plan: Prepared): number {
  return plan.perPartition ? Math.max(1, state.landed) : 1;
}

/** Loads every target independently: one that fails for good does not stop the others. */
export async function loadPhase(run: Run, plan: Prepared): Promise<void> {
  const { state } = run;
  if (state.targets.length === 0) startLoads(state, plan);
  const parts = countParts(run, plan);
  const isOpen = (target: number): boolean =>
    state.targets[target]?.status === 'pending' && (state.loaded[target] ?? 0) < parts;
  let open = [...plan.targets.keys()].filter(isOpen);
  if (open.length === 0) return;
  await run.timed('load', async () => {
    while (open.length > 0) {
      const size = Math.max(1, Math.floor(LIMITS.windowMax / open.length));
      await fanOut(open, open.length, (target) => loadTarget(run, target, parts, size));
      await continueIfHistoryIsLong(run);
      open = open.filter(isOpen);
    }
  });
}

/** The next parts into a target, at most `size` of them. */
async function loadTarget(run: Run, index: number, parts: number, size: number): Promise<void> {
  const { state, ref } = run;
  const target = state.targets[index];
  if (!target) return;
  const first = state.loaded[index] ?? 0;
  try {
    for (let part = first; part < Math.min(parts, first + size); part += 1) {
      const summary = stepSummary.load(state, target, part, parts);
      const result = await run.step('load', summary, { run: ref, target: index, part });
      target.rows_loaded += result.rows;
      state.loaded[index] = part + 1;
      run.show();
    }
  } catch (error) {
    if (isCancellation(error)) throw error;
    Object.assign(target, { status: 'failed', error: errorReportOf(error, 'load') });
  }
}

/**
 * Prepare or validate, which look at all targets. A target that is down for good does not end the run: the step is done
 * again without it.
 */
export async function withoutLost<T>(
  { lost, step }: RunState,
  work: (without: readonly number[]) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work(lost.map(({ target }) => target));
    } catch (error) {
      const { down = [] } = detailsIn(error);
      if (down.length === 0) throw error;
      lost.push(...down.map((one) => ({ ...one, error: { ...one.error, step } })));
    }
  }
}

/** Makes the loads visible, all targets at once: so readers see a mix as shortly as can be. */
export async function publishPhase(run: Run): Promise<void> {
  const { state, ref } = run;
  await run.timed('publish', () =>
    Promise.all(
      state.targets.map(async (target, index) => {
        if (target.status !== 'pending') return;
        const { rows_loaded: rows } = target;
        try {
          const published = await run.step('publish', stepSummary.publish(target), {
            run: ref,
            target: index,
            rows,
          });
          Object.assign(target, {
            status: 'published',
            rows_inserted: published.inserted,
            rows_updated: published.updated,
            ...(published.deduplicated && { rows_deduplicated: published.deduplicated }),
            published_at: published.publishedAt,
          });
        } catch (error) {
          Object.assign(target, { status: 'failed', error: errorReportOf(error, 'publish') });
        }
      }),
    ),
  );
  const failed = state.targets.find((target) => target.status === 'failed');
  if (!failed?.error) return;
  state.error = failed.error;
  throw new Error(failed.error.message);
}

/** The next items, bounded so that the length of the history is checked between windows. */
function windowFrom(first: number, end: number): number[] {
  return Array.from({ length: Math.min(LIMITS.windowMax, end - first) }, (_, offset) => first + offset);
}

/** Continues in a new history when the server suggests it. */
async function continueIfHistoryIsLong(run: Run): Promise<void> {
  if (!workflowInfo().continueAsNewSuggested) return;
  run.bookTime();
  await continueAsNew<(input: PipelineInput) => Promise<unknown>>({
    ...run.request,
    run_key: run.state.runKey,
    resume: run.state,
  });
}
