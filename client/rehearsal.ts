/** A run without Temporal, target or trace: what `plan` and `preview` stand on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Deps } from '../engine/deps';
import { planRun } from '../activities/prepare';
import type { RunPlan } from '../engine/plan';
import type { PipelineConfig } from '../pipeline/config/schema';
import type { Tools } from '../pipeline/plugin';
import { PLUGINS } from '../worker/plugins';
import type { CommandContext } from './context';

export interface Rehearsal {
  deps: Deps;
  plan: RunPlan;
  tools: Tools;
}

/** Plans a run in a folder of its own, which is gone afterwards. */
export async function withRehearsal<T>(
  context: CommandContext,
  config: PipelineConfig,
  work: (rehearsal: Rehearsal) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'flexetl-'));
  const controller = new AbortController();
  const stopInterrupt = context.onInterrupt(() => controller.abort());
  const deps: Deps = { settings: context.settings, plugins: PLUGINS, log: pino({ level: 'silent' }) };
  const tools: Tools = {
    projectDir: context.settings.projectDir,
    runDir: dir,
    scratchDir: dir,
    signal: controller.signal,
    progress: () => undefined,
  };
  try {
    return await work({ deps, tools, plan: await planRun(deps, config, tools) });
  } finally {
    stopInterrupt();
    await rm(dir, { recursive: true, force: true });
  }
}
