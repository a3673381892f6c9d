/**
 * Staged parts as later steps need them: whole. A part that is damaged or missing is extracted again, as long as the
 * source is what it was.
 */
import { FlexetlError, messageOf } from '../pipeline/errors';
import type { Schema } from '../pipeline/types';
import { mapTogether } from '../runtime/map-together';
import {
  extractName,
  extractPrefix,
  lettersName,
  verdictsName,
  schemaDigest,
  stagingDamaged,
  TYPES,
} from '../runtime/staging/parts';
import { findWhole, isDamage } from '../runtime/staging/whole';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { readEvidence, schemaOf } from './evidence';
import { extractPartition } from './extract/extract';
import type { ExtractReceipt } from './extract/receipt';
import { countPartitions } from './land';
import type { ExtractedPart } from './parts';
import { readPlan, type RunPlan } from './plan';

/** The parts of a run under their final types. */
export interface WholeParts {
  plan: RunPlan;
  schema: Schema;
  /** In order. */
  parts: ExtractedPart[];
}

/** The receipt of the types that validate has seen. */
export interface TypesReceipt {
  types: string;
}

export interface PartsUse {
  /** Index of the one that is needed; null: all. */
  partition: number | null;
  /** The files will be read: every byte is checked. */
  read: boolean;
}

/** Extracting again can show one column after the other what its type is. */
const ROUNDS_MAX = 10;

/**
 * The parts of partitions. Missing and damaged ones are extracted again.
 * @throws FlexetlError STAGING_MISSING without a plan, STAGING_DAMAGED where the source has changed
 */
export async function wholeParts(
  deps: Deps,
  run: RunRef,
  context: StepContext,
  { partition, read }: PartsUse,
): Promise<WholeParts> {
  const { staging } = context;
  const plan = await readPlan(staging);
  const final = (await findWhole<TypesReceipt>(staging, TYPES))?.receipt.types;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const schema = schemaOf(plan, await readEvidence(plan, staging));
    // Where evidence was lost, types are narrower, and the partition that showed it lacks a part of these types.
    const isFinal = final === undefined || final === schemaDigest(schema);
    const indexes =
      isFinal && partition !== null
        ? [partition]
        : [...Array(await countPartitions(deps, plan, context)).keys()];
    const found = await mapTogether(indexes, (index) => findPart(context, index, schema, read));
    const lost = indexes.filter((_, place) => found[place] === undefined);
    if (isFinal && lost.length === 0) return { plan, schema, parts: found.flatMap((part) => part ?? []) };
    for (const index of lost) await extractAgain(deps, run, index, context);
  }
  throw stagingDamaged('Staged parts are damaged, and are again after they were extracted again.');
}

/** @returns undefined for a part that must be extracted again */
async function findPart(
  { staging }: StepContext,
  index: number,
  schema: Schema,
  read: boolean,
): Promise<ExtractedPart | undefined> {
  const get = (name: string) => staging[read ? 'open' : 'fetch']<ExtractReceipt>(name);
  try {
    const part = await get(extractName(index, schema));
    if (!part) return undefined;
    const { stagedAs } = part.receipt;
    const path = stagedAs === undefined ? part.path : (await get(stagedAs))?.path;
    if (path != null) return { index, receipt: part.receipt, path };
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  await staging.remove(extractPrefix(index));
  return undefined;
}

/** The file of the verdicts of a partition that has any. */
export async function wholeVerdicts(...of: [Deps, RunRef, number, StepContext]): Promise<string> {
  return wholeBeside(verdictsName, ...of);
}

/** The file of the dead letters of a partition that has any. */
export async function wholeLetters(...of: [Deps, RunRef, number, StepContext]): Promise<string> {
  return wholeBeside(lettersName, ...of);
}

/** A file that is written together with a part. */
async function wholeBeside(
  nameOf: (partition: number) => string,
  deps: Deps,
  run: RunRef,
  index: number,
  context: StepContext,
): Promise<string> {
  const { staging } = context;
  const name = nameOf(index);
  const there = await findWhole(staging, name, 'open');
  if (there?.path != null) return there.path;
  await staging.remove(extractPrefix(index));
  await extractAgain(deps, run, index, context);
  const again = await staging.open(name);
  if (again?.path != null) return again.path;
  throw stagingDamaged(`The part ${name} is damaged, and was not made again.`);
}

async function extractAgain(deps: Deps, run: RunRef, partition: number, context: StepContext): Promise<void> {
  context.log.warn(`Partition ${partition} is extracted again: what was staged of it is damaged or missing.`);
  try {
    await extractPartition(deps, { run, partition }, context);
  } catch (error) {
    if (!(error instanceof FlexetlError) || !error.code.startsWith('SOURCE_')) throw error;
    throw stagingDamaged(
      `What was staged of partition ${partition} is damaged, and it cannot be read again: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
