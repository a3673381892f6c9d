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
import { createLetterWriter } from './letters';
import type { FailedRow, Reader, StageWork } from './work';

/**
 * The columns of a verdicts part; one row for each check that a record fails, in the order of the source. `severity` is
 * that of the check, `fate` what becomes of the record: quarantined or kept.
 */
const TABLE = `verdicts (file VARCHAR, line BIGINT, byte_offset BIGINT, record BIGINT, "column" VARCHAR,
  rule VARCHAR, reason VARCHAR, "value" VARCHAR, raw VARCHAR, severity VARCHAR, fate VARCHAR)`;

/** Rows between two flushes of the appender. */
const FLUSH_ROWS = 10_000;

/** A verdict in the order of the columns. */
export type Verdict = readonly (string | number | null)[];

export interface VerdictWriter {
  add(verdict: Verdict): void;
  /** Writes a Parquet file of all of them. @returns their number */
  write(file: string): Promise<number>;
}

/** Collects verdicts in a table of the session. */
export async function openVerdicts(db: Duckdb): Promise<VerdictWriter> {
  await db.run(`CREATE TABLE ${TABLE}`);
  const appender = await db.connection.createAppender('verdicts');
  let rows = 0;
  return {
    add(verdict) {
      for (const value of verdict) {
        if (value === null) appender.appendNull();
        else if (typeof value === 'number') appender.appendBigInt(BigInt(value));
        else appender.appendVarchar(value);
      }
      appender.endRow();
      rows += 1;
      if (rows % FLUSH_ROWS === 0) appender.flushSync();
    },
    async write(file) {
      appender.closeSync();
      await db.copy('SELECT * FROM verdicts', file);
      return rows;
    },
  };
}

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
): Promise<{ file: string; lettersFile: string | undefined; verdicts: number }> {
  const { reader, columns, context } = work;
  const checksOf = new Map(failed.map(({ ordinal, checks }) => [ordinal, checks]));
  const ordinals = [...checksOf.keys(), ...broken].sort((a, b) => a - b);
  const writer = await openVerdicts(db);
  const letters = await createLetterWriter(work, db, broken);
  for await (const record of reader.source.records(reader.survey, reader.partition, ordinals)) {
    const checks = (checksOf.get(record.ordinal) ?? []).flatMap((id) => columns.checks.rows[id] ?? []);
    const verdicts = [...verdictsOf(work, record, checks)];
    for (const verdict of verdicts) writer.add(verdict);
    if (verdicts.some((verdict) => verdict.at(-1) === 'quarantined')) letters.add(record, verdicts);
  }
  const file = join(context.scratchDir, 'verdicts.parquet');
  return { file, lettersFile: await letters.end(), verdicts: await writer.write(file) };
}

/** File, line, byte offset and number of a record. */
export function placeOf({ survey, partition }: Omit<Reader, 'source'>, record: SourceRecord): Verdict {
  const file = record.file ?? survey.files[partition.file]?.path ?? '';
  return [file, record.line, record.byteOffset, record.record];
}

function* verdictsOf(
  { reader, columns }: StageWork,
  record: SourceRecord,
  checks: readonly NamedRowCheck[],
): Generator<Verdict> {
  const { survey } = reader;
  const place = placeOf(reader, record);
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
