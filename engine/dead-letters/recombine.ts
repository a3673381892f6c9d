/**
 * A part of a whole replay: the good rows that were kept of the run, and the corrected records, each in its place. So the
 * parts are those that the run would have had of the corrected source.
 */
import { copyFile, link } from 'node:fs/promises';
import { join } from 'node:path';
import { FAILED_COLUMN, REJECTED_COLUMN } from '../../pipeline/columns';
import type { DeadLetter, KeptPart } from '../../pipeline/dead-letter';
import { FlexetlError } from '../../pipeline/errors';
import { readParquet, sqlType } from '../../pipeline/sql';
import { stagedColumn } from '../../pipeline/stage-sql';
import { formatType, type Schema } from '../../pipeline/types';
import { keptFile, type Queue } from '../../runtime/dead-letters/queue';
import { withDuckdb, type Duckdb } from '../../runtime/duckdb';
import { checksumFile, sameChecksum } from '../../runtime/staging/checksum';
import { countRows, measureStates } from '../extract/measure';
import { castsExactly } from '../extract/restage';
import type { Staged } from '../extract/stage';
import type { StageWork } from '../extract/work';
import { findQueue, lettersOfPartition } from './letters-source';

/**
 * @param staged of the corrected records alone
 * @returns the same with the rows that were kept
 * @throws FlexetlError REPLAY_REFUSED where a corrected value needs a type that the kept rows cannot have
 */
export async function recombinePart(work: StageWork, staged: Staged): Promise<Staged> {
  const { plan, reader, columns, context } = work;
  const { letters: use } = plan.config.source;
  const { index } = reader.partition;
  const queue = await findQueue(use ?? { queue: '' }, context.projectDir);
  const kept = queue.head.kept?.parts[index];
  if (!kept) throw new FlexetlError('INTERNAL', { message: `The queue has kept no part ${index}.` });
  const path = await wholeFile(queue, index, kept);
  const isSame = columns.staged.every(({ type }, at) => kept.types[at] === formatType(type));
  if (!isSame) await assertCasts(work, kept, path);
  const letters = await lettersOfPartition(plan.survey, index, context);
  const file = join(context.scratchDir, `whole-${index}.parquet`);
  const isClean = isSame && letters.length === 0 && (kept.kind === 'groups' || kept.rejected === 0);
  const counts = { rows: kept.rows + staged.rows, rejected: staged.rejected };
  if (isClean) await linkFile(path, file);
  const reads = [path, staged.file, file];
  return withDuckdb({ ...work.session, reads }, async (db) => {
    if (!isClean) {
      await writePlaces(db, letters);
      await db.copy(wholeSql(columns.staged, kept, path, staged.file), file, columns.staged);
    }
    const states = kept.kind === 'rows' ? await measureStates(columns, db, file) : [];
    const counted = kept.kind === 'rows' ? await countRows(columns, db, file) : [];
    return { ...staged, ...counts, kind: kept.kind, file, states, counted };
  });
}

/** @throws FlexetlError REPLAY_REFUSED for a damaged file */
async function wholeFile({ dir, path }: Queue, index: number, kept: KeptPart): Promise<string> {
  const file = keptFile(dir, index);
  const found = await checksumFile(file).catch(() => undefined);
  if (found && sameChecksum(found, kept)) return file;
  throw new FlexetlError('REPLAY_REFUSED', {
    message: `The rows that were kept in ${path}, part ${index}, are damaged or gone.`,
    hint: 'Run the pipeline again on its corrected source, and discard the queue.',
  });
}

async function assertCasts(
  { plan, columns, context }: StageWork,
  kept: KeptPart,
  path: string,
): Promise<void> {
  const { staged } = columns;
  if (kept.kind === 'rows' && (await castsExactly(plan, path, kept.types, staged, context, [path]))) return;
  const changed = staged.filter(({ type }, at) => kept.types[at] !== formatType(type));
  const names = changed.map(({ name, type }) => `"${name}" ${formatType(type)}`).join(', ');
  throw new FlexetlError('REPLAY_REFUSED', {
    message: `Corrected values make other types of columns than the kept rows have: ${names}.`,
    hint: 'Correct the values so that they have the type of their column, or declare it in validation.schema.',
  });
}

async function linkFile(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}

/** Where each staged row of the corrected records belongs: a broken record has stood before the row of its number. */
async function writePlaces(db: Duckdb, letters: readonly DeadLetter[]): Promise<void> {
  await db.run('CREATE TABLE places (n BIGINT, at_row BIGINT, of_row BIGINT, letter BIGINT)');
  const appender = await db.connection.createAppender('places');
  for (const [n, { letter, place }] of letters.entries()) {
    for (const value of [n, place.row, place.broken === true ? 0 : 1, letter])
      appender.appendBigInt(BigInt(value));
    appender.endRow();
  }
  appender.closeSync();
}

function wholeSql(schema: Schema, kept: KeptPart, path: string, corrected: string): string {
  const names = schema.map((_, at) => stagedColumn(at));
  const keptTerms = schema.map(({ type }, at) => {
    const name = stagedColumn(at);
    return kept.types[at] === formatType(type) ? name : `CAST(${name} AS ${sqlType(type)}) AS ${name}`;
  });
  const numbered = (file: string): string => readParquet(file, 'file_row_number = true');
  return `SELECT ${[...names, FAILED_COLUMN, REJECTED_COLUMN].join(', ')} FROM (
    SELECT ${[...keptTerms, `CAST(NULL AS VARCHAR[]) AS ${FAILED_COLUMN}`, `false AS ${REJECTED_COLUMN}`].join(', ')},
      file_row_number AS at_row, 1 AS of_row, 0 AS letter
    FROM ${numbered(path)} WHERE NOT ${REJECTED_COLUMN}
    UNION ALL
    SELECT ${[...names, FAILED_COLUMN, REJECTED_COLUMN].join(', ')}, at_row, of_row, letter
    FROM ${numbered(corrected)} JOIN places ON n = file_row_number
  ) ORDER BY at_row, of_row, letter`;
}
