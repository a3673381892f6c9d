/**
 * What a run will do, decided from its configuration and a look at the source: types that were not declared are
 * inferred, expressions and checks compiled, the source cut into partitions. A run that cannot succeed fails here.
 */
import { digestOf } from '../pipeline/config/parse';
import type { PipelineConfig } from '../pipeline/config/schema';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { partitionSizeFor } from '../pipeline/partition-size';
import {
  declareColumns,
  evidenceOfSample,
  evidenceOfTextColumns,
  mergeAllEvidence,
  stagedSchema,
  type EvidenceEntries,
  type SourceColumn,
  withForms,
} from '../pipeline/schema';
import {
  looksWorthwhile,
  planPartialGroups,
  type PartialGroups,
} from '../pipeline/transforms/partial-groups';
import { columnsNeeded, planTransforms } from '../pipeline/transforms/plan';
import type { PartitionSize, SourceSurvey } from '../plugin/source';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { findQueue } from './dead-letters/letters-source';
import { extractColumns } from './extract/columns';
import { assertDistinctTargets, assertNotSource } from './load';
import { describeContent, digestPlan } from './load-key';
import { openSource } from './open-source';
import { assertPluginSql } from './plugin-sql';
import { assertReference } from './reference';
import { digestState, type StartState } from './saved-state';
import { parallelWorkersOf, type RunPlan } from './plan';
import { pluginsOf } from './resolve-config';

/** A look at the source. */
export interface Surveyed {
  survey: SourceSurvey;
  state?: RunPlan['state'];
  /** Of a replay: what its run has found of the types. */
  known?: EvidenceEntries;
}

/** @param from the state that an incremental source begins with */
export async function surveySource(
  deps: Deps,
  config: PipelineConfig,
  context: StepContext,
  from?: StartState,
): Promise<Surveyed> {
  const survey = await openSource(pluginsOf(deps, config), config.source, context).survey(from?.saved?.state);
  const { letters } = config.source;
  const known = letters && { known: (await findQueue(letters, context.projectDir)).head.evidence };
  return {
    survey,
    ...known,
    ...(from && { state: { source: from.source, before: digestState(from.saved) } }),
  };
}

/**
 * Also what `plan` and `preview` show.
 * @param surveyed of a source that has something to read
 */
export async function planRun(
  deps: Deps,
  config: PipelineConfig,
  context: StepContext,
  surveyed?: Surveyed,
): Promise<RunPlan> {
  await assertDistinctTargets(deps, config);
  const plugins = pluginsOf(deps, config);
  const source = openSource(plugins, config.source, context);
  const { survey, state, known = [] } = surveyed ?? (await surveySource(deps, config, context));
  assertNotSource(deps, config, survey.files);
  const { declared, evidence, steps } = inSource(survey, () => {
    assertColumnCount(survey.columns.length, 'The source');
    const declared = withForms(declareColumns(survey.columns, config.validation.schema), source.rules);
    const evidence = mergeAllEvidence([
      new Map(known),
      evidenceOfSample(declared, survey.sample, source.rules),
      evidenceOfTextColumns(declared, survey.textColumns),
    ]);
    const schema = stagedSchema(declared, evidence);
    const steps = planTransforms(config.transformations, schema, plugins.transforms);
    for (const { type, plan } of steps) assertColumnCount(plan.schema.length, `The step ${type}`);
    return { declared, evidence, steps };
  });
  const used = columnsNeeded(steps, survey.columns);
  const columns = declared.map((column) => ({ ...column, staged: used.has(column.name) }));
  const extracted = inSource(survey, () =>
    extractColumns({ config, columns }, evidence, source.rules, plugins.checks),
  );
  const { checks } = extracted;
  await assertPluginSql(deps, config, stagedSchema(declared, evidence), steps, extracted, context);
  const ofInput = [...checks.datasets, ...checks.globals];
  for (const { references = {} } of checks.globals)
    for (const one of Object.values(references)) await assertReference(deps, config, one, context);
  const measured = new Set([
    ...ofInput.flatMap(({ columns: names, where }) => [...names, ...(where?.columns ?? [])]),
    ...checks.counted.flatMap(({ columns: names }) => [...names]),
  ]);
  // What is measured is measured over the rows.
  const { letters, ...written } = config.source;
  const isMeasured = ofInput.length + checks.counted.length > 0;
  const partial = !isMeasured && !letters ? planPartialGroups(steps) : undefined;
  const { size, groups } = planSize(config, survey, partial);
  const plan = {
    config,
    digest: digestOf({ ...config, source: written }),
    content: describeContent(plugins, config, survey),
    survey: { ...survey, sample: [], warnings: warningsOf(survey, declared) },
    ...(state && { state }),
    partitions: await source.partitions(survey, size),
    columns: columns.map((column) => ({ ...column, staged: column.staged || measured.has(column.name) })),
    evidence: [...evidence],
    groups,
  };
  return { id: digestPlan(plan), ...plan };
}

/** Those of the source, and what it proposes for columns that are not declared. */
function warningsOf(
  { warnings = [], proposals = [] }: SourceSurvey,
  columns: readonly SourceColumn[],
): string[] {
  const open = new Set(columns.filter(({ declared }) => declared === undefined).map(({ name }) => name));
  const byOptions = new Map<string, string[]>();
  for (const { column, options } of proposals)
    if (open.has(column)) byOptions.set(options, [...(byOptions.get(options) ?? []), column]);
  const proposed = [...byOptions].map(([options, names]) => {
    const which = names.length === 1 ? `Column ${names[0]} is` : `Columns ${names.join(', ')} are`;
    return `${which} read as text. If the values are meant so, set in the source ${options}.`;
  });
  return [...warnings, ...proposed];
}

/** @throws FlexetlError SCHEMA_MISMATCH: more columns can end the process without a word */
function assertColumnCount(count: number, what: string): void {
  if (count <= LIMITS.columnsMax) return;
  throw new FlexetlError('SCHEMA_MISMATCH', {
    message: `${what} has ${count} columns, the limit is ${LIMITS.columnsMax}.`,
    hint: 'Split the source into several files with fewer columns, or turn columns into rows.',
  });
}

/** Where it makes partial groups pay, partitions may be larger, unless the user has chosen their size. */
function planSize(
  config: PipelineConfig,
  survey: SourceSurvey,
  partial: PartialGroups | undefined,
): { size: PartitionSize; groups: boolean } {
  const chunk_size = chunkRecordsOf(config);
  const size = partitionSizeFor(chunk_size, survey.recordBytes || undefined, parallelWorkersOf(config));
  const sizes = chunk_size === undefined ? [size, { ...size, cutBytes: LIMITS.groupedChunkBytes }] : [size];
  const grouped = partial && sizes.find((one) => groupsPay(partial, survey, one));
  return { size: grouped ?? size, groups: grouped !== undefined };
}

/** The records of a chunk, if the user says how many: the smaller one of two. */
function chunkRecordsOf({ scalability, fault_tolerance }: PipelineConfig): number | undefined {
  const { interval } = fault_tolerance.checkpoints;
  const { chunk_size = interval } = scalability.processing;
  return interval === undefined || chunk_size === undefined ? chunk_size : Math.min(chunk_size, interval);
}

/** Whether partial groups look worthwhile for a partition of this source. */
function groupsPay(partial: PartialGroups, survey: SourceSurvey, size: PartitionSize): boolean {
  const { columns, sample, recordBytes, files } = survey;
  if (recordBytes === 0) return false;
  const largest = Math.max(...files.map(({ bytes }) => bytes));
  const bytes = largest <= size.wholeBytesMax ? largest : size.cutBytes;
  return looksWorthwhile(partial, columns, sample, bytes / recordBytes);
}

/** Adds the name of the source to an error about its columns. */
function inSource<T>({ files }: SourceSurvey, check: () => T): T {
  try {
    return check();
  } catch (error) {
    const [first, ...others] = files;
    if (!(error instanceof FlexetlError) || !first) throw error;
    const more = others.length > 0 ? ` and ${others.length} more` : '';
    throw new FlexetlError(error.code, {
      message: `${error.message} The source is ${first.path}${more}.`,
      hint: error.hint,
      cause: error,
    });
  }
}
