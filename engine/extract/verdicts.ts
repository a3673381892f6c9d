/**
 * Verdicts: for each check that a record fails the place of the record, the reason, the value, and the record as it is
 * in the source. All of them are kept, of records that are rejected and of those that are loaded all the same. The places
 * come from one pass over the bytes of the partition.
 */
import { join } from 'node:path';
import type { NamedRowCheck } from '../../pipeline/checks/compile';
import { showValue } from '../../pipeline/show-value';
import type { SourceRecord } from '../../plugin/source';
import type { Duckdb } from '../../runtime/duckdb';
import type { FailedRow, StageWork } from './work';

/**
 * The columns of a verdicts part; one row for each check that a record fails, in the order of the source. `severity` is
 * that of the check, `fate` what becomes of the record: quarantined or kept.
 */
const TABLE = `verdicts (file VARCHAR, line BIGINT, byte_offset BIGINT, record BIGINT, "column" VARCHAR,
  rule VARCHAR, reason VARCHAR, "value" VARCHAR, raw VARCHAR, severity VARCHAR, fate VARCHAR)`;

/** Rows between two flushes of the appender. */
const FLUSH_ROWS = 10_000;

/**
 * @param failed ascending by ordinal
 * @param broken ordinals of broken records, ascending
 * @returns a scratch file, and the number of verdicts in it
 */
export async function writeVerdicts(
  work: StageWork,
  db: Duckdb,
  failed: readonly FailedRow[],
  broken: readonly number[],
): Promise<{ file: string; verdicts: number }> {
  const { reader, columns, context } = work;
  const checksOf = new Map(failed.map(({ ordinal, checks }) => [ordinal, checks]));
  const ordinals = [...checksOf.keys(), ...broken].sort((a, b) => a - b);
  await db.run(`CREATE TABLE ${TABLE}`);
  const appender = await db.connection.createAppender('verdicts');
  let rows = 0;
  for await (const record of reader.source.records(reader.survey, reader.partition, ordinals)) {
    const checks = (checksOf.get(record.ordinal) ?? []).flatMap((id) => columns.checks.rows[id] ?? []);
    for (const verdict of verdictsOf(work, record, checks)) {
      for (const value of verdict) {
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
  const file = join(context.scratchDir, 'verdicts.parquet');
  await db.copy('SELECT * FROM verdicts', file);
  return { file, verdicts: rows };
}

function* verdictsOf(
  { reader, columns }: StageWork,
  record: SourceRecord,
  checks: readonly NamedRowCheck[],
): Generator<(string | number | null)[]> {
  const { survey, partition } = reader;
  const file = record.file ?? survey.files[partition.file]?.path ?? '';
  const place = [file, record.line, record.byteOffset, record.record];
  const raw = showValue(null, record.raw);
  if (!record.values) {
    const { rule, severity } = columns.checks.broken;
    yield [...place, null, rule, record.reason ?? 'broken record', null, raw, severity, 'quarantined'];
    return;
  }
  const fate = checks.some(({ severity }) => severity === 'reject') ? 'quarantined' : 'kept';
  for (const { column, rule, reason, severity } of checks) {
    const text = column === null ? null : (record.values[survey.columns.indexOf(column)] ?? null);
    const why = typeof reason === 'string' ? reason : reason(text);
    const value = column === null ? null : showValue(column, text);
    yield [...place, column, rule, why, value, raw, severity, fate];
  }
}
