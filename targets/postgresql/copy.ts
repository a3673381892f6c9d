/** Writes one part into its staging table with COPY. DuckDB makes the lines: no value becomes one of JavaScript's. */
import { pipeline } from 'node:stream/promises';
import duckdb from '@duckdb/node-bindings';
import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { ident } from '../../pipeline/sql';
import type { Column } from '../../pipeline/types';
import type { PluginContext } from '../../plugin/context';
import type { Part } from '../../plugin/target';
import { selectPart } from '../../runtime/batches/part';
import { readTexts } from '../../runtime/batches/vectors';
import { withDuckdb, type Duckdb } from '../../runtime/duckdb';
import { stagePart } from '../sql/order';
import type { TableOptions } from '../sql/options';
import { codeOf } from './errors';

/** Of one message to the server, which allows 1 GB. */
const MESSAGE_BYTES = 4 * 1024 * 1024;
const NUL_REFUSED = '22021';

/**
 * Inside a transaction.
 * @returns rows written
 * @throws FlexetlError TARGET_INCOMPATIBLE for a text with a NUL, CANCELLED; errors of the server
 */
export function copyPart(
  client: Client,
  table: string,
  part: Part,
  mode: TableOptions['mode'],
  { scratchDir, signal, progress }: PluginContext,
): Promise<number> {
  const session = { dir: scratchDir, reads: [part.path], memoryMb: LIMITS.partMemoryMb, threads: 1, signal };
  return withDuckdb(session, async (db) => {
    const { schema, select } = stagePart(part, mode);
    const names = schema.map(({ name }) => ident(name)).join(', ');
    const into = client.query(copyFrom(`COPY ${ident(table)} (${names}) FROM STDIN`));
    try {
      const sql = `SELECT ${lineSql(schema)} FROM (${select})`;
      await pipeline(readLines(db, sql, part.rows, progress), into);
    } catch (error) {
      if (codeOf(error) === NUL_REFUSED) await assertNoNul(db, part);
      throw error;
    }
    return into.rowCount;
  });
}

async function* readLines(
  db: Duckdb,
  sql: string,
  rowsInAll: number,
  progress: (share: number) => void,
): AsyncGenerator<Buffer> {
  let rows = 0;
  for await (const { chunk, rowCount } of db.stream(sql)) {
    const bytes = readTexts(duckdb.data_chunk_get_vector(chunk, 0), rowCount);
    for (let at = 0; at < bytes.length; at += MESSAGE_BYTES) yield bytes.subarray(at, at + MESSAGE_BYTES);
    rows += rowCount;
    progress(rows / rowsInAll);
  }
}

/**
 * A row in the text format of COPY. Not as CSV: before version 18 PostgreSQL ends at a line `\.` inside of a quoted value.
 * https://www.postgresql.org/docs/current/sql-copy.html
 */
export function lineSql(columns: readonly Column[]): string {
  const fields = columns.map(({ name, type }) => {
    const isText = type.kind === 'string' || type.kind === 'unknown';
    return `coalesce(${isText ? escapeSql(ident(name)) : `${ident(name)}::VARCHAR`}, '\\N')`;
  });
  return `concat(${fields.join(', chr(9), ')}, chr(10))`;
}

/** The four replacements cost twice as much as all the rest, and few texts need one. */
function escapeSql(text: string): string {
  const special: [string, string][] = [
    [`'\\'`, `'\\\\'`],
    ['chr(10)', `'\\n'`],
    ['chr(13)', `'\\r'`],
    ['chr(9)', `'\\t'`],
  ];
  const found = special.map(([character]) => `contains(${text}, ${character})`).join(' OR ');
  const escaped = special.reduce((sql, [character, code]) => `replace(${sql}, ${character}, ${code})`, text);
  return `CASE WHEN ${found} THEN ${escaped} ELSE ${text} END`;
}

/** @throws FlexetlError TARGET_INCOMPATIBLE with the first place of a NUL */
async function assertNoNul(db: Duckdb, part: Part): Promise<void> {
  const texts = part.schema.filter(({ type }) => type.kind === 'string');
  const first = texts.map(
    ({ name }, at) =>
      `min(CASE WHEN contains(${ident(name)}, chr(0)) THEN _flexetl_row END)::VARCHAR AS c${at}`,
  );
  const rows = `SELECT *, row_number() OVER () AS _flexetl_row FROM (${selectPart(part)})`;
  const found = await db.one(`SELECT ${first.join(', ')} FROM (${rows})`);
  const at = texts.findIndex((_, index) => found[`c${index}`] !== null);
  if (at < 0) return;
  const row = part.firstRow + Number(found[`c${at}`]);
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `Column "${texts[at]?.name ?? ''}" has a NUL character (U+0000) in row ${row} of part ${part.index}, which PostgreSQL has in no text.`,
    hint: 'Correct the value in the source, or leave the column or the row out with a select or filter.',
  });
}
