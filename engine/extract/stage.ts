/** One partition through DuckDB: typed, checked and written as a scratch file, in the fast lane or the careful one. */
import { join } from 'node:path';
import { FAILED_COLUMN, REJECTED_COLUMN } from '../../pipeline/columns';
import { FlexetlError, type ErrorCode } from '../../pipeline/errors';
import { evidenceSql, parseEvidence } from '../../pipeline/evidence-sql';
import { LIMITS } from '../../pipeline/limits';
import {
  evidenceOfTextColumns,
  mergeAllEvidence,
  type Evidence,
  type SourceColumn,
} from '../../pipeline/schema';
import { readParquet } from '../../pipeline/sql';
import { failedChecksSql, failedTextsSql, stageRowsSql, typedRowsSql } from '../../pipeline/stage-sql';
import { planPartialGroups, type PartialGroups } from '../../pipeline/transforms/partial-groups';
import { planTransforms } from '../../pipeline/transforms/plan';
import type { TextRelation } from '../../plugin/source';
import type { Transform } from '../../plugin/transform';
import { withDuckdb, withProgress, type Duckdb } from '../../runtime/duckdb';
import { widerEvidence } from '../evidence';
import type { ExtractColumns } from './columns';
import { countRows, measureStates } from './measure';
import { writeVerdicts } from './verdicts';
import type { FailedRow, StageWork } from './work';

export interface Staged {
  kind: 'rows' | 'groups';
  /** A scratch file: of all rows, with the rejected ones, or of partial groups, which has good rows only. */
  file: string;
  /** Good rows. */
  rows: number;
  rejected: number;
  verdicts: number;
  /** A scratch file with the verdicts; absent if there are none. */
  verdictsFile?: string;
  /** A scratch file with the dead letters; absent if there are none. */
  lettersFile?: string;
  states: readonly unknown[];
  counted: readonly number[];
}

/** Nothing was staged, because inferred columns need wider types. */
export interface Wider {
  wider: Evidence;
  /** Ordinals of the rows that failed their types. */
  failing: readonly number[];
}

/** A text relation, and the ordinals of the records that were cut out of it. */
interface Relation {
  sql: string;
  broken: readonly number[];
}

/** @param transforms all transforms, to plan partial groups */
export async function stagePartition(
  work: StageWork,
  transforms: readonly Transform<unknown>[],
): Promise<Staged | Wider> {
  const { source, survey, partition } = work.reader;
  const { inferred, evidence } = work.columns;
  const partial = work.plan.groups ? planPartial(work, transforms) : undefined;
  const relation = await source.relation(survey, partition);
  const texts = widerEvidence(inferred, evidence, evidenceOfTextColumns(inferred, relation.textColumns));
  if (texts) return { wider: texts, failing: [] };
  const fast = await stageFast(work, relation, partial);
  if (fast) return fast;
  const { sql, reads, broken } = await source.repair(survey, partition);
  // A replay puts corrected records among the rows.
  const isReplayed = broken.length > 0 && work.plan.config.fault_tolerance.dead_letter_queue.enabled;
  const written = isReplayed ? undefined : partial;
  return withDuckdb({ ...work.session, reads }, async (db) =>
    completeStage(work, db, { sql, broken }, await writeRelation(work, db, sql, written)),
  );
}

/** @returns undefined when DuckDB refuses the partition, or may have misread it */
async function stageFast(
  work: StageWork,
  { sql, reads, trusted }: TextRelation,
  partial: PartialGroups | undefined,
): Promise<Staged | Wider | undefined> {
  if (await isRefused(trusted)) return undefined;
  return withDuckdb({ ...work.session, reads }, async (db) => {
    const writing = tryWrite(work, db, sql, partial);
    // Both must have ended before the session is closed, even if one fails.
    await Promise.allSettled([writing, trusted]);
    const written = await writing;
    if (!written || !(await trusted)) return undefined;
    return completeStage(work, db, { sql, broken: [] }, written);
  });
}

/** True when it is known already that DuckDB may misread the partition: the query is then not run. */
async function isRefused(trusted: Promise<boolean>): Promise<boolean> {
  return (await Promise.race([trusted, Promise.resolve(true)])) === false;
}

/** @returns undefined if an expression is invalid with the types found so far: validate reports it */
function planPartial(
  { plan, columns }: StageWork,
  transforms: readonly Transform<unknown>[],
): PartialGroups | undefined {
  try {
    return planPartialGroups(planTransforms(plan.config.transformations, columns.staged, transforms));
  } catch (error) {
    if (error instanceof FlexetlError) return undefined;
    throw error;
  }
}

interface Written {
  kind: 'rows' | 'groups';
  file: string;
  /** Rows that DuckDB read, and those of them that fail a check, or are rejected. */
  rows: number;
  failed: number;
  rejected: number;
}

/** @returns undefined when DuckDB refuses a record */
async function tryWrite(...given: Parameters<typeof writeRelation>): Promise<Written | undefined> {
  try {
    return await writeRelation(...given);
  } catch (error) {
    if (error instanceof FlexetlError) throw error;
    return undefined;
  }
}

/** Writes partial groups where it can, else the rows. */
async function writeRelation(
  work: StageWork,
  db: Duckdb,
  relation: string,
  partial: PartialGroups | undefined,
): Promise<Written> {
  const groups = partial && (await tryGroups(work, db, relation, partial));
  return groups ?? writeRows(work, db, relation);
}

/**
 * @returns undefined where rows must be written: some are rejected, the order of records matters, or a value fails the
 *   query, which the transform step then reports
 */
async function tryGroups(
  work: StageWork,
  db: Duckdb,
  relation: string,
  partial: PartialGroups,
): Promise<Written | undefined> {
  const { checked, checks, rules } = work.columns;
  const file = join(work.context.scratchDir, 'groups.parquet');
  try {
    const groups = partial.sql(typedRowsSql(relation, checked, checks.rows, rules));
    await copyTo(work, db, groups, file);
  } catch (error) {
    if (error instanceof FlexetlError && !ROW_ERRORS.includes(error.code)) throw error;
    return undefined;
  }
  const found = await db.one(partial.checkSql(readParquet(file)));
  if (found['uniform'] !== true || Number(found['rejected']) > 0) return undefined;
  return { kind: 'groups', file, rows: Number(found['rows']), failed: 0, rejected: 0 };
}

/** Errors of a query that depend on the values of rows. */
const ROW_ERRORS: readonly ErrorCode[] = ['VALUE_OVERFLOW', 'DIVISION_BY_ZERO', 'CAST_FAILED'];

async function writeRows(work: StageWork, db: Duckdb, relation: string): Promise<Written> {
  const { checked, staged, checks, rules } = work.columns;
  const file = join(work.context.scratchDir, 'rows.parquet');
  await copyTo(work, db, stageRowsSql(relation, checked, staged, checks.rows, rules), file);
  const counts = await db.one(
    `SELECT count(*)::DOUBLE AS "rows", count(${FAILED_COLUMN})::DOUBLE AS failed,
      (count(*) FILTER (${REJECTED_COLUMN}))::DOUBLE AS rejected FROM ${readParquet(file)}`,
  );
  const [rows, failed, rejected] = ['rows', 'failed', 'rejected'].map((name) => Number(counts[name]));
  return { kind: 'rows', file, rows: rows ?? 0, failed: failed ?? 0, rejected: rejected ?? 0 };
}

function copyTo({ context, columns }: StageWork, db: Duckdb, select: string, file: string): Promise<void> {
  return withProgress(db, context.progress, () => db.copy(select, file, columns.staged));
}

/** Finds out whether types must be wider; if not, writes the verdicts and measures the dataset checks. */
async function completeStage(
  work: StageWork,
  db: Duckdb,
  relation: Relation,
  { kind, file, rows, failed: failing, rejected }: Written,
): Promise<Staged | Wider> {
  const failed = failing > 0 ? await readFailedRows(work.columns, db, file, relation.broken) : [];
  const wider = failed.length > 0 ? await findWider(work, db, file, failed) : undefined;
  if (wider) return wider;
  const isClean = failing + relation.broken.length === 0;
  const written = isClean ? undefined : await writeVerdicts(work, db, failed, relation.broken);
  return {
    kind,
    file,
    rows: rows - rejected,
    rejected: rejected + relation.broken.length,
    verdicts: written?.verdicts ?? 0,
    ...(written && { verdictsFile: written.file }),
    ...(written?.lettersFile !== undefined && { lettersFile: written.lettersFile }),
    states: await measureStates(work.columns, db, file),
    counted: await countRows(work.columns, db, file),
  };
}

/** The rows that fail a check, in order. */
async function readFailedRows(
  { checked, checks }: ExtractColumns,
  db: Duckdb,
  file: string,
  broken: readonly number[],
): Promise<FailedRow[]> {
  const found: FailedRow[] = [];
  const known = new Map<string, readonly number[]>();
  let cut = 0;
  const sql = `SELECT file_row_number::DOUBLE, ${failedChecksSql(checked.length, checks.rows.length)}
    FROM ${readParquet(file, 'file_row_number = true')}
    WHERE ${FAILED_COLUMN} IS NOT NULL ORDER BY file_row_number`;
  for await (const chunk of db.stream(sql)) {
    for (const [row, ids] of chunk.getRows()) {
      const text = String(ids);
      const failing = known.get(text) ?? text.split(',').map(Number);
      known.set(text, failing);
      // Ordinals count the records that were cut out, too.
      while ((broken[cut] ?? Infinity) <= Number(row) + cut) cut += 1;
      found.push({ ordinal: Number(row) + cut, checks: failing });
    }
  }
  return found;
}

/** @returns undefined if no inferred column needs a wider type */
async function findWider(
  { columns }: StageWork,
  db: Duckdb,
  file: string,
  failed: readonly FailedRow[],
): Promise<Wider | undefined> {
  const ids = new Set(failed.flatMap(({ checks }) => checks));
  const names = new Set([...ids].map((id) => columns.checks.rows[id]?.column));
  const failing = columns.inferred.filter(({ name }) => names.has(name));
  if (failing.length === 0) return undefined;
  const found = await readEvidenceOf(columns, db, file, failing);
  const wider = widerEvidence(columns.inferred, columns.evidence, found);
  return wider && { wider, failing: failed.map(({ ordinal }) => ordinal) };
}

/**
 * The evidence of the failed rows; the others fit. In several queries: planning one for 1,000 columns takes minutes.
 */
async function readEvidenceOf(
  { rules, checked }: ExtractColumns,
  db: Duckdb,
  file: string,
  columns: readonly SourceColumn[],
): Promise<Evidence> {
  const texts = failedTextsSql(readParquet(file), checked);
  const found: Evidence[] = [];
  for (let from = 0; from < columns.length; from += LIMITS.evidenceColumnsMax) {
    const some = columns.slice(from, from + LIMITS.evidenceColumnsMax);
    found.push(parseEvidence(some, await db.one(evidenceSql(texts, some, rules))));
  }
  return mergeAllEvidence(found);
}
