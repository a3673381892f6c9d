/**
 * Rejects are rows: for each rejected record its place, every check that it fails, the value, and the record as it is
 * in the source. The places come from one pass over the bytes of the partition.
 */
import { join } from 'node:path';
import type { NamedRowCheck } from '../../pipeline/checks/compile';
import { showValue } from '../../pipeline/show-value';
import type { SourceRecord } from '../../plugin/source';
import type { Duckdb } from '../../runtime/duckdb';
import type { FailedRow, StageWork } from './work';

/** The columns of a rejects part; one row for each failing check of a record. */
const TABLE = `rejects (file VARCHAR, line BIGINT, byte_offset BIGINT, record BIGINT, "column" VARCHAR,
  rule VARCHAR, reason VARCHAR, "value" VARCHAR, raw VARCHAR)`;

/** Rows between two flushes of the appender. */
const FLUSH_ROWS = 10_000;

/**
 * @param failed ascending by ordinal
 * @param broken ordinals of broken records, ascending
 * @returns a scratch file
 */
export async function writeRejects(
  work: StageWork,
  db: Duckdb,
  failed: readonly FailedRow[],
  broken: readonly number[],
): Promise<string> {
  const { reader, columns, context } = work;
  const checksOf = new Map(failed.map(({ ordinal, checks }) => [ordinal, checks]));
  const ordinals = [...checksOf.keys(), ...broken].sort((a, b) => a - b);
  await db.run(`CREATE TABLE ${TABLE}`);
  const appender = await db.connection.createAppender('rejects');
  let rows = 0;
  for await (const record of reader.source.records(reader.survey, reader.partition, ordinals)) {
    const checks = (checksOf.get(record.ordinal) ?? []).flatMap((id) => columns.checks.rows[id] ?? []);
    for (const reject of rejectsOf(work, record, checks)) {
      for (const value of reject) {
        if (value === null) appender.appendNull();
        else if (typeof value === 'number') appender.appendBigInt(BigInt(value));
        else appender.appendVarchar(value);
      }
      appender.endRow();
      rows += 1;
      if (rows % FLUSH_ROWS === 0) appender.flushSync();
    }
  }
  appender.closeSync();
  const file = join(context.scratchDir, 'rejects.parquet');
  await db.copy('SELECT * FROM rejects', file);
  return file;
}

function* rejectsOf(
  { reader }: StageWork,
  record: SourceRecord,
  checks: readonly NamedRowCheck[],
): Generator<(string | number | null)[]> {
  const { survey, partition } = reader;
  const file = record.file ?? survey.files[partition.file]?.path ?? '';
  const place = [file, record.line, record.byteOffset, record.record];
  const raw = showValue(null, record.raw);
  if (!record.values) {
    yield [...place, null, 'record', record.reason ?? 'broken record', null, raw];
    return;
  }
  for (const { column, rule, reason } of checks) {
    const text = column === null ? null : (record.values[survey.columns.indexOf(column)] ?? null);
    const why = typeof reason === 'string' ? reason : reason(text);
    yield [...place, column, rule, why, column === null ? null : showValue(column, text), raw];
  }
}
