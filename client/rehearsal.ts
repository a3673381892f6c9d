/** The engine without Temporal, writing to no target: for `plan`, `preview`, `init` and `test`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { withContext, type StepContext, type StepWorld } from '../engine/context';
import { createDeps, type Deps } from '../engine/deps';
import type { RunPlan } from '../engine/plan';
import { planRun, surveySource } from '../engine/plan-run';
import { readStates, sourceIdOf, startState } from '../engine/saved-state';
import type { PipelineConfig } from '../pipeline/config/schema';
import { PLUGINS } from '../worker/plugins';
import { readProjectName } from '../runtime/project-name';
import type { Settings } from '../runtime/settings';
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
  const run = { project: 'plan', pipeline: config.name, runKey: 'plan' };
  return withScratchEngine(context, context.settings.env, (deps, world) =>
    withContext(deps, run, world, async (step) =>
      work({ deps, step, run, plan: await planNow(deps, config, step) }),
    ),
  );
}

/** The engine over a staging store in a temporary folder, which is removed afterwards. A signal ends the work. */
export async function withScratchEngine<T>(
  context: CommandContext,
  env: Settings['env'],
  work: (deps: Deps, world: StepWorld) => Promise<T>,
): Promise<T> {
  const stagingDir = await mkdtemp(join(tmpdir(), 'flexetl-'));
  const controller = new AbortController();
  const stopInterrupt = context.onInterrupt((signal) => controller.abort(interruptedBy(signal)));
  const deps = createDeps({ ...context.settings, env, stagingDir }, PLUGINS, pino({ level: 'silent' }));
  try {
    return await work(deps, { signal: controller.signal, progress: () => undefined });
  } finally {
    stopInterrupt();
    await rm(stagingDir, { recursive: true, force: true });
  }
}

/** What a run would do now. Where nothing is new for it, the plan of a first run, and a warning that says so. */
async function planNow(deps: Deps, config: PipelineConfig, step: StepContext): Promise<RunPlan> {
  const states = sourceIdOf(deps, config) === undefined ? undefined : await findStates(deps, config, step);
  const from = states && startState(deps, config, states);
  const surveyed = await surveySource(deps, config, step, from);
  if (!surveyed.survey.nothingNew) return planRun(deps, config, step, surveyed);
  const plan = await planRun(deps, config, step);
  const { warnings = [] } = plan.survey;
  const nothing = `${surveyed.survey.scope ?? 'Nothing new'}: a run loads 0 rows now. This is what a first run does.`;
  return { ...plan, survey: { ...plan.survey, warnings: [nothing, ...warnings] } };
}

async function findStates(deps: Deps, config: PipelineConfig, step: StepContext) {
  const project = await readProjectName(deps.settings);
  return readStates(deps, config, { project, pipeline: config.name }, [], step);
}
