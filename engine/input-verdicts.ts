/** The rows that fail a check of the input as a whole, with their places: verdicts like those of checks of rows. */
import { join } from 'node:path';
import type { NamedGlobalCheck } from '../pipeline/checks/dataset-check';
import { RECORD_COLUMN } from '../pipeline/columns';
import { ident, readParquet } from '../pipeline/sql';
import { showValue } from '../pipeline/show-value';
import type { CheckTables } from '../plugin/check';
import type { SourceRecord } from '../plugin/source';
import type { Duckdb } from '../runtime/duckdb';
import { INPUT_VERDICTS } from '../runtime/staging/parts';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { openVerdicts, placeOf } from './extract/verdicts';
import type { Reader } from './extract/work';
import { findPartition } from './land';
import { openSource } from './open-source';
import { recordsOfPart, type ExtractedPart } from './parts';
import type { RunPlan } from './plan';
import { pluginsOf } from './resolve-config';

/** A check that rows fail, in the session that has its tables. */
export interface FailingCheck {
  check: NamedGlobalCheck;
  tables: CheckTables;
}

/** Stages the verdicts of all rows that fail these checks; none where no check names rows. */
export async function stageInputVerdicts(
  deps: Deps,
  plan: RunPlan,
  db: Duckdb,
  failing: readonly FailingCheck[],
  parts: readonly ExtractedPart[],
  context: StepContext,
): Promise<void> {
  if (failing.length === 0) return;
  await db.run('CREATE TABLE failing (place INTEGER, record BIGINT)');
  for (const [place, { check, tables }] of failing.entries()) {
    const records = `SELECT ${ident(RECORD_COLUMN)} FROM (${check.failing?.(tables)})`;
    await db.run(`INSERT INTO failing SELECT ${place}, * FROM (${records})`);
  }
  const source = openSource(pluginsOf(deps, plan.config), plan.config.source, context);
  const writer = await openVerdicts(db);
  for (const part of parts) {
    const rows = await failingRows(db, part.index);
    if (rows.size === 0) continue;
    const partition = await findPartition(deps, plan, part.index, context);
    const reader = { source, survey: plan.survey, partition };
    for await (const { record, places } of recordsOf(reader, rows, await hasBroken(db, part))) {
      for (const place of places) {
        const check = failing[place]?.check;
        if (check) writer.add(verdictOf(reader, record, check));
      }
    }
  }
  const file = join(context.scratchDir, 'input-verdicts.parquet');
  const verdicts = await writer.write(file);
  await context.staging.commit(INPUT_VERDICTS, { verdicts }, file);
}

/** The checks that rows of a part fail, by the number of the row in the part. */
async function failingRows(db: Duckdb, part: number): Promise<Map<number, number[]>> {
  const { first, next } = recordsOfPart(part);
  const sql = `SELECT (record - ${first})::DOUBLE, list(place ORDER BY place)::VARCHAR FROM failing
    WHERE record >= ${first} AND record < ${next} GROUP BY record ORDER BY record`;
  const rows = new Map<number, number[]>();
  for await (const chunk of db.stream(sql))
    for (const [row, places] of chunk.getRows())
      rows.set(Number(row), JSON.parse(String(places)) as number[]);
  return rows;
}

/** Whether records were cut out of the part that cannot be read: they have no row. */
async function hasBroken(db: Duckdb, { receipt, path }: ExtractedPart): Promise<boolean> {
  if (receipt.rejected === 0) return false;
  const { rows } = await db.one(`SELECT count(*)::DOUBLE AS "rows" FROM ${readParquet(path)}`);
  return Number(rows) < receipt.rows + receipt.rejected;
}

/** The records of the rows, in order. Where some have no row, all records are counted. */
async function* recordsOf(
  { source, survey, partition }: Reader,
  rows: ReadonlyMap<number, readonly number[]>,
  broken: boolean,
): AsyncGenerator<{ record: SourceRecord; places: readonly number[] }> {
  let row = 0;
  for await (const record of source.records(survey, partition, broken ? undefined : [...rows.keys()])) {
    if (!record.values) continue;
    const places = rows.get(broken ? row : record.ordinal);
    row += 1;
    if (places) yield { record, places };
  }
}

function verdictOf(reader: Reader, record: SourceRecord, check: NamedGlobalCheck) {
  const { columns, rule, says, reason = 'fails the check', severity } = check;
  const [column = null] = columns.length === 1 ? columns : [];
  const text = column === null ? null : (record.values?.[reader.survey.columns.indexOf(column)] ?? null);
  const value = column === null ? null : showValue(column, text);
  const raw = showValue(null, record.raw);
  return [...placeOf(reader, record), column, rule, says ?? reason, value, raw, severity, 'kept'];
}
