/** A planned run without Temporal that writes to no target: for `plan` and `preview`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { withContext, type StepContext } from '../engine/context';
import { createDeps, type Deps } from '../engine/deps';
import type { RunPlan } from '../engine/plan';
import { planRun } from '../engine/plan-run';
import type { PipelineConfig } from '../pipeline/config/schema';
import { PLUGINS } from '../worker/plugins';
import type { RunRef } from '../runtime/staging/store';
import type { CommandContext } from './context';
import { interruptedBy } from './signals';

export interface Rehearsal {
  deps: Deps;
  plan: RunPlan;
  run: RunRef;
  step: StepContext;
}

/** Plans a run in a temporary folder, which is removed afterwards. */
export async function withRehearsal<T>(
  context: CommandContext,
  config: PipelineConfig,
  work: (rehearsal: Rehearsal) => Promise<T>,
): Promise<T> {
  const stagingDir = await mkdtemp(join(tmpdir(), 'flexetl-'));
  const controller = new AbortController();
  const stopInterrupt = context.onInterrupt((signal) => controller.abort(interruptedBy(signal)));
  const deps = createDeps({ ...context.settings, stagingDir }, PLUGINS, pino({ level: 'silent' }));
  const run = { project: 'plan', pipeline: config.name, runKey: 'plan' };
  const world = { signal: controller.signal, progress: () => undefined };
  try {
    return await withContext(deps, run, world, async (step) =>
      work({ deps, step, run, plan: await planRun(deps, config, step) }),
    );
  } finally {
    stopInterrupt();
    await rm(stagingDir, { recursive: true, force: true });
  }
}
