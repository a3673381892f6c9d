/** The careful lane: records one by one, each misfit with its place. */
import type { Place } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { SourceRecord } from '../../pipeline/plugin';
import {
  mergeEvidence,
  evidenceOfDecimal,
  evidenceOfText,
  NO_EVIDENCE,
  typedColumn,
  typeOfEvidence,
  type Evidence,
  type SourceColumn,
  type TypeEvidence,
} from '../../pipeline/schema';
import { ident } from '../../pipeline/sql';
import { countDigits, decimal, explainMisfit, sameType, spellingOf, type Column } from '../../pipeline/types';
import type { Duckdb } from '../../runtime/duckdb';
import { checkedColumns, type ExtractJob } from './job';

interface Checked {
  column: Column;
  /** Set for columns whose type follows from the values. */
  open: SourceColumn | undefined;
  index: number;
}

const TABLE = 'careful';

/**
 * Reads the whole chunk into a text table: the records that fit, or would with wider types.
 * @returns the table, what the open columns need, and the records that can never fit
 */
export async function carefulTable(
  job: ExtractJob,
  db: Duckdb,
): Promise<{ table: string; rows: number; needs: Evidence; rejected: number; places: Place[] }> {
  const names = job.plan.survey.columns;
  await db.run(`CREATE TABLE ${TABLE} (${names.map((name) => `${ident(name)} VARCHAR`).join(', ')})`);
  const appender = await db.connection.createAppender(TABLE);
  const checked = columnsToCheck(job);
  const needs: Record<string, TypeEvidence> = {};
  const places: Place[] = [];
  let rejected = 0;
  let rows = 0;
  for await (const record of carefulRecords(job)) {
    const misfit = findMisfit(job, checked, record, needs);
    if (misfit) {
      rejected += 1;
      if (places.length < LIMITS.placesMax) places.push(misfit);
    } else {
      for (const value of record.values ?? []) {
        if (value === null) appender.appendNull();
        else appender.appendVarchar(value);
      }
      appender.endRow();
      rows += 1;
      if (rows % 10_000 === 0) appender.flushSync();
    }
  }
  appender.flushSync();
  appender.closeSync();
  return { table: TABLE, rows, needs, rejected, places };
}

/** The first records of the chunk that do not fit, for the error that ends the run. */
export async function rejectedPlaces(job: ExtractJob): Promise<Place[]> {
  const checked = columnsToCheck(job);
  const places: Place[] = [];
  for await (const record of carefulRecords(job)) {
    const misfit = findMisfit(job, checked, record, {});
    if (misfit) places.push(misfit);
    if (places.length >= LIMITS.placesMax) break;
  }
  return places;
}

/** By column: the first text that makes it text. */
export async function findTextPlaces(
  job: ExtractJob,
  columns: readonly SourceColumn[],
): Promise<Record<string, Place>> {
  const found: Record<string, Place> = {};
  const names = job.plan.survey.columns;
  for await (const record of carefulRecords(job)) {
    for (const column of columns) {
      const text = record.values?.[names.indexOf(column.name)];
      if (text == null || Object.hasOwn(found, column.name)) continue;
      const need = mergeEvidence(job.needs[column.name] ?? NO_EVIDENCE, evidenceOfText(text, job.rules));
      if (typeOfEvidence(need).kind === 'string') {
        found[column.name] = placeOf(job, record, column.name, text, 'not a number, date or boolean');
      }
    }
    if (Object.keys(found).length === columns.length) break;
  }
  return found;
}

function carefulRecords(job: ExtractJob): AsyncIterable<SourceRecord> {
  return job.source.records(job.options, job.plan.survey, job.chunk, job.tools);
}

function columnsToCheck(job: ExtractJob): Checked[] {
  return checkedColumns(job).map((column) => ({
    column,
    open: job.openColumns.find((open) => open.name === column.name),
    index: job.plan.survey.columns.indexOf(column.name),
  }));
}

/** The first reason why a record can never fit; what open columns need of it is added to `needs`. */
function findMisfit(
  job: ExtractJob,
  checked: readonly Checked[],
  record: SourceRecord,
  needs: Record<string, TypeEvidence>,
): Place | undefined {
  if (!record.values) return placeOf(job, record, null, null, record.reason ?? 'broken record');
  const found: [string, TypeEvidence][] = [];
  for (const { column, open, index } of checked) {
    const text = record.values[index] ?? null;
    if (text === null) {
      if (column.nullable === false)
        return placeOf(job, record, column.name, null, 'null in a column that is not nullable');
      continue;
    }
    const reason = explainMisfit(text, column.type, job.rules, spellingOf(column));
    const need = open && needOf(job, open, text);
    if (need && (reason === null || widens(job, open, need))) found.push([column.name, need]);
    else if (reason !== null)
      return placeOf(job, record, column.name, text, explain(job, open, text) ?? reason);
  }
  for (const [name, need] of found) needs[name] = mergeEvidence(needs[name] ?? NO_EVIDENCE, need);
  return undefined;
}

/** A decimal without (p,s) has room for 38 digits: the width that its values have needed so far is no reason. */
function explain({ needs, rules }: ExtractJob, open: SourceColumn | undefined, text: string): string | null {
  if (open?.declared !== 'decimal') return null;
  const { scale } = countDigits(text.replace(rules.decimal_separator, '.'));
  const wanted = Math.max(scale, needs[open.name]?.scale ?? 0);
  const widest = decimal(LIMITS.decimalDigitsMax, Math.min(wanted, LIMITS.decimalDigitsMax));
  return explainMisfit(text, widest, rules);
}

/** False for a decimal that has no room beside the largest scale of its column: a reject, not a wider type. */
function widens(job: ExtractJob, open: SourceColumn, need: TypeEvidence): boolean {
  const merged = mergeEvidence(job.needs[open.name] ?? NO_EVIDENCE, need);
  const before = typedColumn(open, job.needs).type;
  return !sameType(before, typedColumn(open, { [open.name]: merged }).type);
}

function needOf(job: ExtractJob, open: SourceColumn, text: string): TypeEvidence | null {
  return open.declared === 'decimal' ? evidenceOfDecimal(text, job.rules) : evidenceOfText(text, job.rules);
}

function placeOf(
  job: ExtractJob,
  record: SourceRecord,
  column: string | null,
  value: string | null,
  reason: string,
): Place {
  return {
    file: job.plan.survey.files[job.chunk.file]?.path ?? '',
    line: record.line,
    record: record.record,
    column,
    value: value === null ? null : shorten(value),
    reason,
  };
}

function shorten(text: string): string {
  return text.length <= LIMITS.valueCharsMax ? text : `${text.slice(0, LIMITS.valueCharsMax - 1)}…`;
}
