/** Prepare: makes the plan of the run, and removes what an earlier attempt staged under another plan. */
import { digestOf } from '../pipeline/config/parse';
import type { PipelineConfig, RetrySettings } from '../pipeline/config/schema';
import type { ReplayRef } from '../pipeline/dead-letter';
import { addDetails } from '../pipeline/error-details';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { count } from '../pipeline/markdown';
import { fitting } from '../pipeline/payload';
import { isRowWise, outputSchema, planTransforms } from '../pipeline/transforms/plan';
import type { SourceFile } from '../plugin/source';
import { openReports } from '../runtime/report-file';
import { OUTPUT, PLAN } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import { findWhole } from '../runtime/staging/whole';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { asReplay, assertFits, assertStarted } from './dead-letters/prepare-replay';
import { schemaOf } from './evidence';
import { beginLoads, checkTargets, clearLoads, type TargetDescription } from './load';
import { nothingNew, type NothingNew } from './nothing-new';
import { parallelWorkersOf, type RunPlan } from './plan';
import { planRun, surveySource } from './plan-run';
import { pluginsOf, resolveConfig, type ConfigRequest } from './resolve-config';
import { continuesFrom, isHalfPublished, readStates, startState } from './saved-state';

/** The pipeline file as written; absent: configs/<pipeline>.yaml on the worker. */
export interface PrepareInput extends Omit<ConfigRequest, 'name'> {
  run: RunRef;
  /** Rows that another run has appended are not appended again: for a run without a key of its own. */
  once?: boolean;
  /**
   * Go on with what an earlier run of this key has staged. `prefer`: where it suffices; `require`: in any case, for a part
   * of the targets has its rows.
   */
  staged?: Staged | undefined;
  /** Places of targets that are down: the run goes on without them. */
  without?: readonly number[];
  /** The run is this replay: its source are the corrected records of a dead-letter queue. */
  replay?: ReplayRef;
}

export type Staged = 'prefer' | 'require';

export interface PrepareResult {
  /** Of the configuration. */
  digest: string;
  /** Their number; null if it is not known before the source is landed. */
  partitions: number | null;
  bytes: number;
  /** The first `LIMITS.reportFilesMax` files: a source may have thousands. */
  files: readonly SourceFile[];
  targets: readonly TargetDescription[];
  /** True when partitions are transformed one by one, false when a step needs all rows. */
  perPartition: boolean;
  parallelWorkers: number;
  faultTolerance: RetrySettings;
  /** For the report. */
  warnings: readonly string[];
}

/** @throws FlexetlError RETRY_REFUSED when staged parts are required and are gone */
export async function prepareRun(
  deps: Deps,
  { run, once = false, staged, without = [], replay, ...written }: PrepareInput,
  context: StepContext,
): Promise<PrepareResult> {
  if (replay) await assertStarted(deps, replay, run.runKey);
  const found = staged && (await keptPlan(run, staged, context));
  const kept = found && (await ofSameState(deps, found, { run, staged, without }, context));
  const config = kept?.config ?? (await resolveConfig(deps, { ...written, name: run.pipeline }));
  try {
    const asked = replay && !kept ? await asReplay(deps, config, replay) : config;
    return await prepareConfig(deps, asked, { run, once, kept, without }, context);
  } catch (error) {
    // Its retries are those of the pipeline too.
    throw addDetails(error, { fault_tolerance: config.fault_tolerance });
  }
}

interface Preparation {
  run: RunRef;
  once: boolean;
  /** The plan to go on with; the source is not looked at. */
  kept: RunPlan | undefined;
  without: readonly number[];
}

async function prepareConfig(
  deps: Deps,
  config: PipelineConfig,
  { run, once, kept, without }: Preparation,
  context: StepContext,
): Promise<PrepareResult> {
  await deps.staging.sweep(run, Date.now());
  const plan = kept ?? (await takePlan(deps, config, run, without, context));
  if ('nothingNew' in plan) return nothingNew(deps, config, plan, without);
  await assertFits(deps, plan);
  const schema = schemaOf(plan, new Map(plan.evidence));
  const steps = planTransforms(config.transformations, schema, pluginsOf(deps, config).transforms);
  const known = await checkTargets(deps, config, outputSchema(steps, schema), without, context);
  openReports(deps.settings.projectDir, config.name);
  const targets = await beginLoads(deps, plan, run, once, without, context);
  await context.staging.commit(PLAN, plan);
  const partitions = 'known' in plan.partitions ? plan.partitions.known.length : null;
  const bytes = plan.survey.files.reduce((sum, file) => sum + file.bytes, 0);
  deps.log.info(`${config.name} prepared: ${count(bytes)} bytes, run ${run.runKey}`);
  return {
    digest: plan.digest,
    partitions,
    bytes,
    files: fitting(
      plan.survey.files
        .slice(0, LIMITS.reportFilesMax)
        .map(({ path, bytes, fingerprint }) => ({ path, bytes, fingerprint })),
      LIMITS.reportFilesChars,
    ),
    targets,
    perPartition: isRowWise(steps),
    parallelWorkers: parallelWorkersOf(config),
    faultTolerance: config.fault_tolerance,
    warnings: [
      ...targets.flatMap((target) => explainAlready(run, target)),
      ...known,
      ...(plan.survey.warnings ?? []),
    ].slice(0, LIMITS.warningsMax),
  };
}

function explainAlready(run: RunRef, { name, already }: TargetDescription): string[] {
  if (!already) return [];
  const { run_key, published_at, rows } = already;
  const hint = run_key === run.runKey ? '' : ' --again loads them again.';
  const what = `${name}: already loaded by run ${run_key} at ${published_at} (${rows} ${rows === 1 ? 'row' : 'rows'}), 0 rows now.${hint}`;
  return [what];
}

/**
 * The plan of an earlier run of this key, with which a retry goes on.
 * @returns undefined where parts are missing that only the source has
 * @throws FlexetlError RETRY_REFUSED
 */
async function keptPlan(
  { pipeline, runKey }: RunRef,
  staged: Staged,
  { staging }: StepContext,
): Promise<RunPlan | undefined> {
  const plan = (await findWhole<RunPlan>(staging, PLAN))?.receipt;
  if (staged === 'prefer') {
    // Transform begins when all rows are staged and have passed every check.
    const isRead = (await findWhole(staging, OUTPUT)) !== undefined;
    return isRead && plan?.config.fault_tolerance.checkpoints.enabled ? plan : undefined;
  }
  if (plan) return plan;
  throw new FlexetlError('RETRY_REFUSED', {
    message: `The staged parts of run ${runKey} are gone: they are kept for ${days(LIMITS.stagingKeepMs)}, in the staging folder of the run.`,
    hint: `To read the source again: flexetl run ${pipeline} --run-key ${JSON.stringify(runKey)}. What is published is not loaded twice, and the rest only if the input is the same.`,
  });
}

/**
 * The plan with which a retry goes on, if the targets that lack its rows are where it begins: another run may have loaded
 * since what it has staged.
 * @throws FlexetlError STATES_DIFFER where that plan is required
 */
async function ofSameState(
  deps: Deps,
  plan: RunPlan,
  { run, staged, without }: Pick<PrepareInput, 'run' | 'staged'> & { without: readonly number[] },
  context: StepContext,
): Promise<RunPlan | undefined> {
  const states = plan.state && (await readStates(deps, plan.config, run, without, context));
  if (!states || continuesFrom(states, run, plan)) return plan;
  if (staged === 'require') startState(deps, plan.config, states);
  return undefined;
}

const days = (ms: number): string => `${ms / 86_400_000} days`;

/** A plan that says what it is instead of: the source or the pipeline has changed since the run began. */
function withNote(plan: RunPlan, before: RunPlan): RunPlan {
  const note = `Started again from the beginning, with ${plan.content.words}: what was staged is of ${before.content.words}.`;
  return { ...plan, survey: { ...plan.survey, warnings: [note, ...(plan.survey.warnings ?? [])] } };
}

/**
 * The plan of this attempt. Parts that an earlier attempt staged under the same plan are used, so a failed run
 * continues where it was. Parts of another plan, for example of a changed source, or of a damaged one are removed.
 */
async function takePlan(
  deps: Deps,
  config: PipelineConfig,
  run: RunRef,
  without: readonly number[],
  context: StepContext,
): Promise<RunPlan | NothingNew> {
  const { staging } = context;
  const found = (await findWhole<RunPlan>(staging, PLAN))?.receipt;
  const states = await readStates(deps, config, run, without, context);
  if (found && states && found.digest === digestOf(config) && isHalfPublished(states, run, found))
    return found;
  const before = config.fault_tolerance.checkpoints.enabled ? found : undefined;
  const from = states && startState(deps, config, states);
  const surveyed = await surveySource(deps, config, context, from);
  if (surveyed.survey.nothingNew && from?.saved)
    return { nothingNew: surveyed.survey.scope ?? 'Nothing is new', saved: from.saved };
  let plan = await planRun(deps, config, context, surveyed);
  // Of parts without a plan nobody knows what they are.
  const isOther = before ? before.id !== plan.id : (await staging.list('')).length > 0;
  if (isOther) {
    await staging.remove('');
    plan = await planRun(deps, config, context, await surveySource(deps, config, context, from));
    if (before && before.content.digest !== plan.content.digest) plan = withNote(plan, before);
  }
  // A source of records may yield others the next time: its loads go on only with the pages they were made from.
  if (plan.survey.files.length === 0 && before?.id !== plan.id)
    await clearLoads(deps, plan, run, without, context);
  return plan;
}
