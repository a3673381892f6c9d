/** Prepare: makes the plan of the run, and removes what an earlier attempt staged under another plan. */
import type { PipelineConfig } from '../pipeline/config/schema';
import { addDetails } from '../pipeline/error-details';
import { LIMITS } from '../pipeline/limits';
import { count } from '../pipeline/markdown';
import { fitting } from '../pipeline/payload';
import { isRowWise, outputSchema, planTransforms } from '../pipeline/transforms/plan';
import type { SourceFile } from '../plugin/source';
import { openReports } from '../runtime/report-file';
import { PLAN } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import { findWhole } from '../runtime/staging/whole';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { schemaOf } from './evidence';
import { beginLoads, checkTargets, discardLoads, type TargetDescription } from './load';
import { parallelWorkersOf, type RunPlan } from './plan';
import { planRun } from './plan-run';
import { pluginsOf, resolveConfig, type ConfigRequest } from './resolve-config';

/** The pipeline file as written; absent: configs/<pipeline>.yaml on the worker. */
export interface PrepareInput extends Omit<ConfigRequest, 'name'> {
  run: RunRef;
  /** Rows that another run has appended are not appended again: for a run without a key of its own. */
  once?: boolean;
}

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
  faultTolerance: PipelineConfig['fault_tolerance'];
  /** For the report. */
  warnings: readonly string[];
}

export async function prepareRun(
  deps: Deps,
  { run, once = false, ...written }: PrepareInput,
  context: StepContext,
): Promise<PrepareResult> {
  const config = await resolveConfig(deps, { ...written, name: run.pipeline });
  try {
    return await prepareConfig(deps, config, { run, once }, context);
  } catch (error) {
    // Its retries are those of the pipeline too.
    throw addDetails(error, { fault_tolerance: config.fault_tolerance });
  }
}

async function prepareConfig(
  deps: Deps,
  config: PipelineConfig,
  { run, once }: { run: RunRef; once: boolean },
  context: StepContext,
): Promise<PrepareResult> {
  await deps.staging.sweep(run, Date.now());
  const plan = await takePlan(deps, config, run, context);
  const schema = schemaOf(plan, new Map(plan.evidence));
  const steps = planTransforms(config.transformations, schema, pluginsOf(deps, config).transforms);
  await checkTargets(deps, config, outputSchema(steps, schema), context);
  openReports(deps.settings.projectDir, config.name);
  const targets = await beginLoads(deps, plan, run, once, context);
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
 * The plan of this attempt. Parts that an earlier attempt staged under the same plan are used, so a failed run
 * continues where it was. Parts of another plan, for example of a changed source, or of a damaged one are removed.
 */
async function takePlan(
  deps: Deps,
  config: PipelineConfig,
  run: RunRef,
  context: StepContext,
): Promise<RunPlan> {
  const { staging } = context;
  let plan = await planRun(deps, config, context);
  const before = (await findWhole<RunPlan>(staging, PLAN))?.receipt;
  // Of parts without a plan nobody knows what they are.
  const isOther = before ? before.id !== plan.id : (await staging.list('')).length > 0;
  if (isOther) {
    await staging.remove('');
    plan = await planRun(deps, config, context);
  }
  // A source of records may yield others the next time: its loads go on only with the pages they were made from.
  if (plan.survey.files.length === 0 && before?.id !== plan.id) {
    const [failure] = await discardLoads(deps, plan, run, [...config.targets.keys()], context);
    if (failure !== undefined) throw failure;
  }
  return plan;
}
