/**
 * Prepare: everything that can be known before a row is read for good, pinned in plan.json.
 *
 * Resolves the pipeline, looks at the source, guesses the types that were not declared, checks expressions and
 * targets, and cuts the source into chunks. A run that cannot succeed should end here.
 */
import { digestConfig } from '../pipeline/config/parse';
import type { PipelineConfig } from '../pipeline/config/schema';
import { chunkBytesFor } from '../pipeline/chunks';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { count } from '../pipeline/markdown';
import type { Chunk, SourceFile, SourceSurvey } from '../pipeline/plugin';
import { declareColumns, evidenceOfSample, stagedSchema } from '../pipeline/schema';
import { looksWorthwhile, planPartialGroups } from '../pipeline/transforms/partial-groups';
import { columnsNeeded, isRowWise, planTransforms, type PlannedStep } from '../pipeline/transforms/plan';
import { warmDuckdb } from '../runtime/duckdb';
import { openReports } from '../runtime/report-file';
import { sweepStaging, type RunRef } from '../runtime/staging';
import type { Deps } from '../engine/deps';
import { checkTargets, targetOf } from '../engine/load';
import { parallelWorkersOf, PLAN_FILE, sourceOf, type RunPlan } from '../engine/plan';
import { pluginsOf, resolveConfig, type ConfigRequest } from '../engine/resolve-config';
import { contextOf, createStep, type StepResult, type StepTools } from './step';

/** The pipeline file as written; absent: configs/<pipeline>.yaml on the worker. */
export interface PrepareInput extends Omit<ConfigRequest, 'name'> {
  run: RunRef;
}

export interface PrepareResult {
  digest: string;
  chunks: number;
  bytes: number;
  /** The first files; a source of thousands would not fit into a report. */
  files: readonly SourceFile[];
  targets: readonly { type: string; name: string; mode: string }[];
  /** True when every chunk is transformed by itself, false when one step needs all rows. */
  perChunk: boolean;
  parallelWorkers: number;
  retry: PipelineConfig['fault_tolerance']['retry'];
}

export function createPrepare(deps: Deps): (input: PrepareInput) => Promise<StepResult<PrepareResult>> {
  return createStep(deps, 'prepare', async ({ run, ...written }: PrepareInput, tools) => {
    const config = await resolveConfig(deps, { ...written, name: run.pipeline });
    warmDuckdb();
    await sweepStaging(deps.settings.stagingDir, run, Date.now());
    const plan = await planRun(deps, config, tools);
    const schema = stagedSchema(plan.columns, plan.needs);
    const steps = planTransforms(config.transformations, schema, pluginsOf(deps, config).transforms);
    const output = steps.at(-1)?.plan.schema ?? schema;
    await checkTargets(deps, config, output, contextOf(deps, tools));
    openReports(deps.settings.projectDir, config.name);
    await tools.staging.writeJson(PLAN_FILE, plan);
    const chunks = plan.chunks.length;
    const bytes = plan.survey.files.reduce((sum, file) => sum + file.bytes, 0);
    deps.log.info(
      `${config.name} prepared: ${count(bytes)} bytes in ${count(chunks)} ${chunks === 1 ? 'chunk' : 'chunks'}, run ${run.runKey}`,
    );
    return {
      digest: plan.digest,
      chunks,
      bytes,
      files: plan.survey.files.slice(0, LIMITS.reportFilesMax),
      targets: config.targets.map((_, index) => {
        const { target, options, name } = targetOf(deps, config, index);
        return { type: target.type, name, mode: target.mode(options) };
      }),
      perChunk: isRowWise(steps),
      parallelWorkers: parallelWorkersOf(config),
      retry: config.fault_tolerance.retry,
    };
  });
}

/** Looks at the source and decides; also what `plan` and `preview` show. */
export async function planRun(
  deps: Deps,
  config: PipelineConfig,
  tools: Omit<StepTools, 'staging'>,
): Promise<RunPlan> {
  const { source, options } = sourceOf(deps, config);
  const rules = source.textRules(options);
  const survey = await source.survey(options, tools);
  const declared = inSource(survey, () => declareColumns(survey.columns, config.validation.schema));
  const needs = evidenceOfSample(declared, survey.sample, rules);
  const steps = inSource(survey, () =>
    planTransforms(config.transformations, stagedSchema(declared, needs), pluginsOf(deps, config).transforms),
  );
  const used = columnsNeeded(steps, survey.columns);
  const columns = declared.map((column) => ({ ...column, staged: used.has(column.name) }));
  const { chunk_size } = config.scalability.processing;
  const chunkBytes = chunkBytesFor(chunk_size, survey.recordBytes || undefined, parallelWorkersOf(config));
  const chunks = await source.planChunks(options, survey, chunkBytes, tools);
  const pinned = { config, digest: digestConfig(config), survey: { ...survey, sample: [] } };
  const partRows = chunkRows(chunks, survey);
  return { ...pinned, chunks, columns, needs, partialGroups: makesGroups(steps, survey, partRows) };
}

/** Whether parts are to be staged as partial groups. */
function makesGroups(steps: readonly PlannedStep[], survey: SourceSurvey, partRows: number): boolean {
  const partial = planPartialGroups(steps);
  return partial !== undefined && looksWorthwhile(partial, survey.columns, survey.sample, partRows);
}

/** Rows of the largest chunk, about. */
function chunkRows(chunks: readonly Chunk[], { recordBytes }: SourceSurvey): number {
  return Math.max(0, ...chunks.map(({ start, end }) => end - start)) / Math.max(1, recordBytes);
}

/** Tells whose columns an error is about. */
function inSource<T>({ files }: SourceSurvey, check: () => T): T {
  try {
    return check();
  } catch (error) {
    const [first, ...others] = files;
    if (!(error instanceof FlexetlError) || !first) throw error;
    const more = others.length > 0 ? ` and ${others.length} more` : '';
    throw new FlexetlError(error.code, {
      message: `${error.message} The source is ${first.path}${more}.`,
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    });
  }
}
