/** The dead letters of a partition: each record that is quarantined, whole, with all that it fails. */
import { join } from 'node:path';
import type { LetterData, LetterFailure, LetterPlace, StagedLetter } from '../../pipeline/dead-letter';
import type { SourceRecord } from '../../plugin/source';
import type { Duckdb } from '../../runtime/duckdb';
import type { StageWork } from './work';

/** Rows between two flushes of the appender. */
const FLUSH_ROWS = 10_000;

export interface LetterWriter {
  /** @param verdicts of a record that is quarantined, as rows of the verdicts part, in their order */
  add(record: SourceRecord, verdicts: readonly (readonly (string | number | null)[])[]): void;
  /** @returns a scratch file; undefined where there are no letters */
  end(): Promise<string | undefined>;
}

/**
 * Letters are kept only where the queue is on.
 * @param broken ordinals of broken records, ascending
 */
export async function createLetterWriter(
  { plan, reader, context }: StageWork,
  db: Duckdb,
  broken: readonly number[],
): Promise<LetterWriter> {
  if (!plan.config.fault_tolerance.dead_letter_queue.enabled) return NO_LETTERS;
  const { columns } = reader.survey;
  await db.run('CREATE TABLE letters (letter VARCHAR)');
  const appender = await db.connection.createAppender('letters');
  let count = 0;
  let cut = 0;
  const placeOf = (ordinal: number): LetterPlace => {
    while ((broken[cut] ?? Infinity) < ordinal) cut += 1;
    const isBroken = broken[cut] === ordinal;
    // Broken records have no rows.
    return { part: reader.partition.index, row: ordinal - cut, ...(isBroken && { broken: true }) };
  };
  return {
    add({ ordinal, line, byteOffset, record, values }, verdicts) {
      const failures = verdicts.map(([, , , , column, rule, reason, value]) => {
        return { column, rule, reason, value } as LetterFailure;
      });
      const [[file, , , , , , , , raw] = []] = verdicts;
      const data: LetterData | null =
        values && Object.fromEntries(columns.map((name, at) => [name, values[at] ?? null]));
      const letter: StagedLetter = {
        ...{
          file: String(file),
          line,
          byte_offset: byteOffset,
          record,
          failures,
          data,
          raw: String(raw ?? ''),
        },
        stage: 'extract',
        place: placeOf(ordinal),
      };
      appender.appendVarchar(JSON.stringify(letter));
      appender.endRow();
      count += 1;
      if (count % FLUSH_ROWS === 0) appender.flushSync();
    },
    async end() {
      appender.closeSync();
      if (count === 0) return undefined;
      const path = join(context.scratchDir, 'letters.parquet');
      await db.copy('SELECT letter FROM letters', path);
      return path;
    },
  };
}

const NO_LETTERS: LetterWriter = {
  add: () => undefined,
  end: () => Promise.resolve(undefined),
};
