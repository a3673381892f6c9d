/** Everything one extract works with, gathered once. */
import { FlexetlError } from '../../pipeline/errors';
import type { CheckedColumn } from '../../pipeline/extract-sql';
import type { Chunk, Source } from '../../pipeline/plugin';
import {
  isInferred,
  mergeAllEvidence,
  NO_EVIDENCE,
  stagedSchema,
  typedColumn,
  type Evidence,
  type SourceColumn,
} from '../../pipeline/schema';
import { planPartialGroups, type PartialGroups } from '../../pipeline/transforms/partial-groups';
import { planTransforms } from '../../pipeline/transforms/plan';
import type { Schema, TextRules } from '../../pipeline/types';
import type { DuckdbOptions } from '../../runtime/duckdb';
import { pluginsOf } from '../resolve-config';
import type { Deps } from '../deps';
import type { ExtractInput } from '../../activities/extract';
import { readPlan, sessionOptions, sourceOf, type RunPlan } from '../plan';
import type { StepTools } from '../../activities/step';

export interface ExtractJob {
  plan: RunPlan;
  chunk: Chunk;
  /** What is known of the open columns when this chunk starts. */
  needs: Evidence;
  /** Open columns that are checked at all. */
  openColumns: readonly SourceColumn[];
  rules: TextRules;
  source: Source<unknown>;
  options: unknown;
  session: DuckdbOptions;
  partFile: string;
  /** How to group the rows while they are read, where that is planned. */
  partial: PartialGroups | undefined;
  groupsFile: string;
  tools: StepTools;
}

export async function createExtractJob(
  deps: Deps,
  input: ExtractInput,
  tools: StepTools,
): Promise<ExtractJob> {
  const plan = await readPlan(tools.staging);
  const chunk = plan.chunks[input.chunk];
  if (!chunk)
    throw new FlexetlError('INTERNAL', { message: `There is no chunk ${input.chunk} in the plan.` });
  const { source, options } = sourceOf(deps, plan.config);
  const needs = mergeAllEvidence([plan.needs, input.wider]);
  const schema = stagedSchema(plan.columns, needs);
  return {
    plan,
    chunk,
    needs,
    openColumns: plan.columns.filter((column) => isChecked(column) && isInferred(column)),
    rules: source.textRules(options),
    source,
    options,
    session: sessionOptions(plan.config, tools),
    partFile: tools.staging.extractPart(chunk.index, schema),
    partial: plan.partialGroups ? partialOf(deps, plan, schema) : undefined,
    groupsFile: tools.staging.groupsPart(chunk.index, schema),
    tools,
  };
}

/** @returns undefined where the types found since have made an expression wrong: validate says so */
function partialOf(deps: Deps, plan: RunPlan, schema: Schema): PartialGroups | undefined {
  try {
    return planPartialGroups(
      planTransforms(plan.config.transformations, schema, pluginsOf(deps, plan.config).transforms),
    );
  } catch (error) {
    if (error instanceof FlexetlError) return undefined;
    throw error;
  }
}

/** All columns whose values are checked, typed as far as is known. */
export function checkedColumns(job: ExtractJob): CheckedColumn[] {
  return job.plan.columns.filter(isChecked).map((column) => ({
    ...typedColumn(column, job.needs),
    unseen: column.declared === undefined && (job.needs[column.name] ?? NO_EVIDENCE).kind === 'none',
  }));
}

export function stagedNames(job: ExtractJob): Set<string> {
  return new Set(job.plan.columns.filter((column) => column.staged).map((column) => column.name));
}

/** A column that nothing uses and nobody declared may hold anything. */
function isChecked(column: SourceColumn): boolean {
  return column.staged || column.declared !== undefined || !column.nullable;
}
