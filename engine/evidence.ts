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
  type EvidenceEntries,
  type SourceColumn,
  type TypeEvidence,
} from '../pipeline/schema';
import { sameType, type Schema } from '../pipeline/types';
import { mapTogether } from '../runtime/map-together';
import { EVIDENCE_PREFIX, evidenceName } from '../runtime/staging/parts';
import type { RunStaging } from '../runtime/staging/store';
import { findWhole } from '../runtime/staging/whole';
import type { RunPlan } from './plan';

interface EvidenceReceipt {
  evidence: EvidenceEntries;
  /** For each column that became text the first value that made it so. */
  becameText: readonly Place[];
}

export async function readEvidence(plan: RunPlan, staging: RunStaging): Promise<Evidence> {
  const found = (await readReceipts(staging)).map(({ evidence }) => evidence);
  return mergeAllEvidence([plan.evidence, ...found].map((entries) => new Map(entries)));
}

/** For each column that became text the place of the first value that made it so. */
export async function readTextPlaces(staging: RunStaging): Promise<Place[]> {
  return firstPlaces((await readReceipts(staging)).flatMap(({ becameText }) => becameText));
}

/** The first place of each column. */
function firstPlaces(places: readonly Place[]): Place[] {
  const seen = new Set<string | null>();
  return places.filter(({ column }) => !seen.has(column) && seen.add(column));
}

async function readReceipts(staging: RunStaging): Promise<EvidenceReceipt[]> {
  const names = await staging.list(EVIDENCE_PREFIX);
  const parts = await mapTogether(names, (name) => findWhole<EvidenceReceipt>(staging, name));
  return parts.flatMap((part) => (part ? [part.receipt] : []));
}

/** Stores evidence that a partition showed and that was not known. */
export async function recordEvidence(
  staging: RunStaging,
  partition: number,
  evidence: Evidence,
  becameText: readonly Place[],
): Promise<void> {
  const name = evidenceName(partition);
  const before = (await findWhole<EvidenceReceipt>(staging, name))?.receipt;
  const receipt: EvidenceReceipt = {
    evidence: [...mergeAllEvidence([new Map(before?.evidence), evidence])],
    becameText: firstPlaces([...(before?.becameText ?? []), ...becameText]),
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
  const wider = new Map<string, TypeEvidence>();
  for (const column of columns) {
    if (!sameType(typedColumn(column, before).type, typedColumn(column, merged).type))
      wider.set(column.name, merged.get(column.name) ?? NO_EVIDENCE);
  }
  return wider.size > 0 ? wider : undefined;
}
