/** Finds a part that is staged already: with the types known now, or with narrower types that cast without loss. */
import { REJECTED_COLUMN } from '../../pipeline/columns';
import { readParquet, sqlType } from '../../pipeline/sql';
import { stagedColumn } from '../../pipeline/stage-sql';
import { formatType, parseType, type ColumnType, type Schema, type TypeKind } from '../../pipeline/types';
import type { Evidence } from '../../pipeline/schema';
import { withDuckdb } from '../../runtime/duckdb';
import { extractName, extractPrefix } from '../../runtime/staging/parts';
import type { RunStaging, StagedPart } from '../../runtime/staging/store';
import { findWhole } from '../../runtime/staging/whole';
import type { StepContext } from '../context';
import { schemaOf } from '../evidence';
import { sessionOptions, type RunPlan } from '../plan';
import type { ExtractReceipt } from './receipt';

/**
 * The receipt of a partition with the types known now. If casting a part of narrower types is exact, it gets a second
 * receipt under the new name, and the partition is not read again.
 */
export async function findStaged(
  plan: RunPlan,
  evidence: Evidence,
  partition: number,
  context: StepContext,
): Promise<ExtractReceipt | undefined> {
  const { staging } = context;
  const schema = schemaOf(plan, evidence);
  const wanted = extractName(partition, schema);
  const there = await findForm(staging, wanted);
  if (there) return there.receipt;
  for (const name of await staging.list(extractPrefix(partition))) {
    const part = await findWhole<ExtractReceipt>(staging, name, 'open');
    if (!part?.path || part.receipt.kind !== 'rows') continue;
    if (!(await castsExactly(plan, part.path, part.receipt.types, schema, context))) continue;
    const receipt = { ...part.receipt, stagedAs: name };
    await staging.commit(wanted, receipt);
    return receipt;
  }
  return undefined;
}

/** A part of these types, if the part with its rows is there as well. */
async function findForm(staging: RunStaging, name: string): Promise<StagedPart<ExtractReceipt> | undefined> {
  const part = await findWhole<ExtractReceipt>(staging, name);
  const { stagedAs } = part?.receipt ?? {};
  return stagedAs === undefined || (await findWhole(staging, stagedAs)) ? part : undefined;
}

/** Types whose values give back the texts that they were read from. Nulls, of an unknown type too, fit any type. */
const WIDENS: Readonly<Partial<Record<TypeKind, readonly TypeKind[]>>> = {
  integer: ['decimal', 'string'],
  decimal: ['decimal'],
  date: ['timestamp', 'string'],
};

/** @param reads further files that may be read */
export async function castsExactly(
  plan: RunPlan,
  path: string,
  types: readonly string[],
  schema: Schema,
  context: StepContext,
  reads: readonly string[] = [],
): Promise<boolean> {
  const terms = schema.flatMap((column, index) => {
    const from = types[index] ?? '';
    if (from === formatType(column.type)) return [];
    return `count(${stagedColumn(index)}) FILTER (${isLost(from, column.type, stagedColumn(index))}) = 0`;
  });
  if (terms.length === 0) return true;
  const good = `FROM ${readParquet(path)} WHERE NOT ${REJECTED_COLUMN}`;
  return withDuckdb({ ...sessionOptions(plan.config, context), reads }, async (db) => {
    const found = await db.one(`SELECT ${terms.join(' AND ')} AS exact ${good}`);
    return found['exact'] === true;
  });
}

/** SQL that is true for a value that the new type cannot hold exactly. */
function isLost(from: string, to: ColumnType, value: string): string {
  const type = parseType(from);
  const widens = typeof type === 'object' && (WIDENS[type.kind] ?? []).includes(to.kind);
  return widens ? `try_cast(${value} AS ${sqlType(to)}) IS NULL` : 'true';
}
