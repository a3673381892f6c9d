/**
 * Extract: one chunk of the source becomes one typed Parquet part.
 *
 * Fast lane: DuckDB reads the chunk as text and types it in one pass. When it refuses the chunk, or values do
 * not fit, the careful lane reads the same bytes record by record and says where. A chunk in which an
 * undeclared column turns out wider than guessed is not staged: the wider need goes back to the workflow, which
 * extracts anew with it.
 */
import { join } from 'node:path';
import { FlexetlError, type ErrorCode, type Place } from '../pipeline/errors';
import { MISFIT_COLUMN, evidenceSql, parseEvidence, stageSql } from '../pipeline/extract-sql';
import { LIMITS } from '../pipeline/limits';
import { mergeAllEvidence, typedColumn, typeOfEvidence, type Evidence } from '../pipeline/schema';
import { literal } from '../pipeline/sql';
import type { PartialGroups } from '../pipeline/transforms/partial-groups';
import { sameType } from '../pipeline/types';
import { withDuckdb, type Duckdb } from '../runtime/duckdb';
import type { RunRef } from '../runtime/staging';
import type { Deps } from '../engine/deps';
import { carefulTable, findTextPlaces, rejectedPlaces } from '../engine/extract/careful';
import { checkedColumns, createExtractJob, stagedNames, type ExtractJob } from '../engine/extract/job';
import { createStep, type StepResult } from './step';

export interface ExtractInput {
  run: RunRef;
  chunk: number;
  /** What extracting has shown beyond the sample so far. */
  wider: Evidence;
}

export interface ExtractResult {
  rows: number;
  rejected: number;
  /** The first records that do not fit, at most `LIMITS.placesMax`. */
  places: readonly Place[];
  /** Set when nothing was staged because open columns need wider types. */
  wider?: Evidence;
  /** By column: the first text that made it text. */
  becameText?: Readonly<Record<string, Place>>;
  bytes: number;
}

export function createExtract(deps: Deps): (input: ExtractInput) => Promise<StepResult<ExtractResult>> {
  return createStep(deps, 'extract', async (input: ExtractInput, tools) => {
    const job = await createExtractJob(deps, input, tools);
    const { source, options, plan, chunk } = job;
    await source.assertUnchanged(options, plan.survey, chunk.file, tools);
    const result = (await extractFast(job)) ?? (await extractCarefully(job));
    await source.assertUnchanged(options, plan.survey, chunk.file, tools);
    return { ...result, bytes: chunk.end - chunk.start };
  });
}

type Extracted = Omit<ExtractResult, 'bytes'>;

/** @returns undefined when the chunk is for the careful lane */
async function extractFast(job: ExtractJob): Promise<Extracted | undefined> {
  const { source, options, plan, chunk, tools } = job;
  // The query tells the progress of the step; the pass over the bytes beside it keeps silent.
  const silent = { ...tools, progress: () => undefined };
  const relation = await source.relation(options, plan.survey, chunk, silent);
  return withDuckdb({ ...job.session, reads: relation.reads }, async (db) => {
    const staging = stageChunk(job, db, relation.sql);
    // Both must have ended before the session is closed, whichever fails.
    await Promise.allSettled([staging, relation.sound]);
    const staged = await staging;
    if (!staged || !(await relation.sound)) return undefined;
    if (staged.misfits === 0) return settle(job, staged);
    const wider = widerNeeds(job, await countNeeds(job, db, relation.sql));
    if (wider) return reportWider(job, wider);
    return {
      rows: staged.rows - staged.misfits,
      rejected: staged.misfits,
      places: await rejectedPlaces(job),
    };
  });
}

/** Planning one query for all columns takes minutes where there are more than a thousand. */
async function countNeeds(job: ExtractJob, db: Duckdb, relation: string): Promise<Evidence> {
  const needs: Evidence[] = [];
  for (let from = 0; from < job.openColumns.length; from += LIMITS.needColumnsMax) {
    const columns = job.openColumns.slice(from, from + LIMITS.needColumnsMax);
    needs.push(parseEvidence(columns, await db.one(evidenceSql(relation, columns, job.rules))));
  }
  return mergeAllEvidence(needs);
}

/** @returns undefined when DuckDB refuses a record */
async function stageChunk(job: ExtractJob, db: Duckdb, relation: string): Promise<Staged | undefined> {
  const groups = job.partial && (await tryGroups(job, job.partial, db, relation));
  return groups ?? tryStage(job, db, relation);
}

/**
 * Groups the rows in the pass that reads them.
 * @returns undefined where they have to be staged: the order of records counts, or the rows make the query fail, which
 *   the transform step will tell in its own words
 */
async function tryGroups(
  job: ExtractJob,
  partial: PartialGroups,
  db: Duckdb,
  relation: string,
): Promise<Staged | undefined> {
  const scratchFile = join(job.tools.scratchDir, 'groups.parquet');
  try {
    await copyTo(job, db, partial.sql(typedSql(job, relation)), scratchFile);
  } catch (error) {
    if (error instanceof FlexetlError && !ROW_ERRORS.includes(error.code)) throw error;
    return undefined;
  }
  const found = await db.one(partial.checkSql(`read_parquet(${literal(scratchFile)})`));
  if (found['uniform'] !== true) return undefined;
  const counts = { rows: Number(found['rows']), misfits: Number(found['rejected']) };
  return { scratchFile, file: job.groupsFile, ...counts };
}

/** What the values of rows can do to a query. */
const ROW_ERRORS: readonly ErrorCode[] = ['VALUE_OVERFLOW', 'DIVISION_BY_ZERO', 'CAST_FAILED'];

async function tryStage(job: ExtractJob, db: Duckdb, relation: string): Promise<Staged | undefined> {
  try {
    return await stageRelation(job, db, relation);
  } catch (error) {
    if (error instanceof FlexetlError) throw error;
    return undefined;
  }
}

/** The same from records read one by one; broken ones are rejects, and say why. */
async function extractCarefully(job: ExtractJob): Promise<Extracted> {
  return withDuckdb(job.session, async (db) => {
    const careful = await carefulTable(job, db);
    const wider = widerNeeds(job, careful.needs);
    if (wider) return reportWider(job, wider);
    const { rows, rejected, places } = careful;
    if (rejected > 0) return { rows, rejected, places };
    const staged = await stageRelation(job, db, careful.table);
    if (staged.misfits > 0) {
      throw new FlexetlError('INTERNAL', {
        message: `Both lanes disagree about ${staged.misfits} records of chunk ${job.chunk.index}.`,
      });
    }
    return settle(job, staged);
  });
}

interface Staged {
  scratchFile: string;
  /** Where it belongs when it is good. */
  file: string;
  rows: number;
  misfits: number;
}

/** Writes the typed part as a scratch file; the counts are read back from it. */
async function stageRelation(job: ExtractJob, db: Duckdb, relation: string): Promise<Staged> {
  const scratchFile = join(job.tools.scratchDir, 'part.parquet');
  await copyTo(job, db, typedSql(job, relation), scratchFile);
  const counts = await db.one(
    `SELECT count(*)::DOUBLE AS "rows", count(*) FILTER (${MISFIT_COLUMN})::DOUBLE AS misfits FROM read_parquet(${literal(scratchFile)})`,
  );
  const { rows, misfits } = counts;
  return { scratchFile, file: job.partFile, rows: Number(rows), misfits: Number(misfits) };
}

function typedSql(job: ExtractJob, relation: string): string {
  return stageSql(relation, checkedColumns(job), stagedNames(job), job.rules);
}

async function copyTo(job: ExtractJob, db: Duckdb, select: string, file: string): Promise<void> {
  const timer = setInterval(() => job.tools.progress(Math.max(0, db.progress())), 200);
  try {
    await db.copy(select, file);
  } finally {
    clearInterval(timer);
  }
}

async function settle(job: ExtractJob, staged: Staged): Promise<Extracted> {
  await job.tools.staging.commit(staged.scratchFile, staged.file);
  return { rows: staged.rows, rejected: 0, places: [] };
}

/** The needs of open columns whose type changes under what this chunk asks for; undefined when none does. */
function widerNeeds(job: ExtractJob, found: Evidence): Evidence | undefined {
  const merged = mergeAllEvidence([job.needs, found]);
  const wider: Record<string, Evidence[string]> = {};
  for (const column of job.openColumns) {
    const before = typedColumn(column, job.needs).type;
    const after = typedColumn(column, merged).type;
    const need = merged[column.name];
    // A column that was all nulls so far is staged as text and would stay text: its need counts, not its type.
    const wasEmpty = (job.needs[column.name]?.kind ?? 'none') === 'none' && need?.kind !== 'none';
    if (need && (wasEmpty || !sameType(before, after))) wider[column.name] = need;
  }
  return Object.keys(wider).length > 0 ? wider : undefined;
}

async function reportWider(job: ExtractJob, wider: Evidence): Promise<Extracted> {
  const texts = job.openColumns.filter((column) => {
    const before = job.needs[column.name]?.kind ?? 'none';
    const after = wider[column.name];
    return (
      column.declared === undefined && before !== 'none' && after && typeOfEvidence(after).kind === 'string'
    );
  });
  const becameText = texts.length > 0 ? await findTextPlaces(job, texts) : undefined;
  return { rows: 0, rejected: 0, places: [], wider, ...(becameText && { becameText }) };
}
