/**
 * Extract: one partition of the source becomes one typed Parquet part, and the verdicts of its checks another one.
 *
 * Fast lane: DuckDB reads the partition as text and types it in one pass. When it refuses the partition, or may have
 * misread it, the careful lane gives it the same records without the broken ones. A staged row has the list of the
 * checks that it fails; good rows are always staged. A value that does not fit the type inferred so far widens the
 * type: the partition is read again, the other parts are cast where that is lossless (`restage.ts`).
 */
import { FlexetlError } from '../../pipeline/errors';
import { mergeAllEvidence } from '../../pipeline/schema';
import { formatType, type Schema } from '../../pipeline/types';
import type { Partition } from '../../plugin/source';
import {
  explainFull,
  extractName,
  lettersName,
  verdictsName,
  schemaDigest,
} from '../../runtime/staging/parts';
import type { RunRef } from '../../runtime/staging/store';
import type { StepContext } from '../context';
import type { Deps } from '../deps';
import { readEvidence, recordEvidence, schemaOf } from '../evidence';
import { findPartition } from '../land';
import { openSource } from '../open-source';
import { readPlan, sessionOptions, type RunPlan } from '../plan';
import { explainSqlError, ownPlugins } from '../plugin-sql';
import { pluginsOf } from '../resolve-config';
import { recombinePart } from '../dead-letters/recombine';
import { extractColumns } from './columns';
import type { ExtractReceipt, ExtractResult } from './receipt';
import { findStaged } from './restage';
import { stagePartition } from './stage';
import { findTextPlaces } from './text-places';

export interface ExtractInput {
  run: RunRef;
  partition: number;
}

/** More rounds than the types of a column can widen. */
const ROUNDS_MAX = 50;

export async function extractPartition(
  deps: Deps,
  input: ExtractInput,
  context: StepContext,
): Promise<ExtractResult> {
  const { staging } = context;
  const plan = await readPlan(staging);
  const partition = await findPartition(deps, plan, input.partition, context);
  let evidence = await readEvidence(plan, staging);
  const there = await findStaged(plan, evidence, partition.index, context);
  if (there) return resultOf(there, schemaOf(plan, evidence));
  const plugins = pluginsOf(deps, plan.config);
  const source = openSource(plugins, plan.config.source, context);
  const reader = { source, survey: plan.survey, partition };
  await source.assertUnchanged(plan.survey, partition);
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const columns = extractColumns(plan, evidence, source.rules, plugins.checks);
    const work = { plan, reader, columns, context, session: sessionOptions(plan.config, context) };
    const staged = await stagePartition(work, plugins.transforms).catch((error: unknown) => {
      throw explainFull(explainSqlError(error, ownPlugins(deps, plan.config).checks));
    });
    if ('wider' in staged) {
      const places = await findTextPlaces(reader, columns, staged.wider, staged.failing);
      await recordEvidence(staging, partition.index, staged.wider, places);
      evidence = mergeAllEvidence([evidence, staged.wider]);
      continue;
    }
    await source.assertUnchanged(plan.survey, partition);
    const isWhole = plan.config.source.letters?.mode === 'whole';
    const part = isWhole ? await recombinePart(work, staged) : staged;
    const { file, verdictsFile, lettersFile, ...found } = part;
    if (lettersFile !== undefined) await staging.commit(lettersName(partition.index), {}, lettersFile);
    if (verdictsFile !== undefined)
      await staging.commit(verdictsName(partition.index), { verdicts: found.verdicts }, verdictsFile);
    const schema = schemaOf(plan, evidence);
    const receipt: ExtractReceipt = { ...found, types: typesOf(schema) };
    await staging.commit(extractName(partition.index, schema), receipt, file);
    await source.release(plan.survey, partition);
    return resultOf(receipt, schema);
  }
  throw tooManyRounds(plan, partition);
}

function typesOf(schema: Schema): string[] {
  return schema.map(({ type }) => formatType(type));
}

function resultOf({ rows, rejected }: ExtractReceipt, schema: Schema): ExtractResult {
  return { rows, rejected, types: schemaDigest(schema) };
}

function tooManyRounds(plan: RunPlan, { file, index }: Partition): FlexetlError {
  return new FlexetlError('INTERNAL', {
    message: `Partition ${index} of ${plan.survey.files[file]?.path ?? 'the source'}: its types are still not final after ${ROUNDS_MAX} rounds.`,
  });
}
