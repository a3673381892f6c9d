/**
 * The evidence for the types of columns so far: that of the sample in the plan, and a small part for every partition
 * that showed more. Reading merges them all, so types do not travel through Temporal.
 */
import type { Place } from '../pipeline/errors';
import {
  mergeAllEvidence,
  NO_EVIDENCE,
  stagedSchema,
  typedColumn,
  type Evidence,
  type SourceColumn,
} from '../pipeline/schema';
import { sameType, type Schema } from '../pipeline/types';
import { EVIDENCE_PREFIX, evidenceName } from '../runtime/staging/parts';
import type { RunStaging } from '../runtime/staging/store';
import type { RunPlan } from './plan';

interface EvidenceReceipt {
  evidence: Evidence;
  becameText: Readonly<Record<string, Place>>;
}

export async function readEvidence(plan: RunPlan, staging: RunStaging): Promise<Evidence> {
  return mergeAllEvidence([plan.evidence, ...(await readReceipts(staging)).map(({ evidence }) => evidence)]);
}

/** By column: the place of the first value that made its type string. */
export async function readTextPlaces(staging: RunStaging): Promise<Readonly<Record<string, Place>>> {
  const found: Record<string, Place> = {};
  for (const { becameText } of (await readReceipts(staging)).reverse()) Object.assign(found, becameText);
  return found;
}

async function readReceipts(staging: RunStaging): Promise<EvidenceReceipt[]> {
  const names = await staging.list(EVIDENCE_PREFIX);
  const parts = await Promise.all(names.map((name) => staging.fetch<EvidenceReceipt>(name)));
  return parts.flatMap((part) => (part ? [part.receipt] : []));
}

/** Stores evidence that a partition showed and that was not known. */
export async function recordEvidence(
  staging: RunStaging,
  partition: number,
  evidence: Evidence,
  becameText: Readonly<Record<string, Place>>,
): Promise<void> {
  const name = evidenceName(partition);
  const before = (await staging.fetch<EvidenceReceipt>(name))?.receipt;
  const receipt: EvidenceReceipt = {
    evidence: mergeAllEvidence([before?.evidence ?? {}, evidence]),
    becameText: { ...becameText, ...before?.becameText },
  };
  await staging.commit(name, receipt);
}

/** The staged columns with the types known so far. */
export function schemaOf(plan: RunPlan, evidence: Evidence): Schema {
  return stagedSchema(plan.columns, evidence);
}

/**
 * The evidence of the inferred columns whose type changes with what was found.
 * @returns undefined when none does
 */
export function widerEvidence(
  columns: readonly SourceColumn[],
  before: Evidence,
  found: Evidence,
): Evidence | undefined {
  const merged = mergeAllEvidence([before, found]);
  const wider: Record<string, Evidence[string]> = {};
  for (const column of columns) {
    if (!sameType(typedColumn(column, before).type, typedColumn(column, merged).type))
      wider[column.name] = merged[column.name] ?? NO_EVIDENCE;
  }
  return Object.keys(wider).length > 0 ? wider : undefined;
}
