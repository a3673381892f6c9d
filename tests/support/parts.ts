/** Parts of a load from plain rows of text, staged as a Parquet file as a run stages them. */
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { ident, literal, sqlType } from '../../pipeline/sql';
import { stageTerms } from '../../pipeline/stage-sql';
import type { Schema } from '../../pipeline/types';
import type { PluginContext } from '../../plugin/context';
import type { LoadKey, Part } from '../../plugin/target';
import { createPart } from '../../runtime/batches/part';
import { withDuckdb } from '../../runtime/duckdb';
import { createSharedFiles } from '../../runtime/staging/shared-files';
import { makeFolder } from './folder';

/** Of a load that tests make. */
export const LOAD_KEY: LoadKey = {
  project: 'tests',
  pipeline: 'p',
  runKey: 'run-1',
  digest: 'rows',
  plan: 'parts',
  content: 'data/in.csv',
};

/** One value per column, as DuckDB reads it from text; null for a null. */
export type TextRow = (string | null)[];

/** Made with the first part: processes of tests that make none must leave no folder. */
let partsDir: string | undefined;

/** A part of these rows, all or some of its staged file. */
export async function makePart(schema: Schema, rows: readonly TextRow[], index = 0): Promise<Part> {
  const values = rows.map((row) => `(${row.map((v) => (v === null ? 'NULL' : textSql(v))).join(', ')})`);
  const names = schema.map((_, column) => `c${column}`);
  const casts = schema.map(({ name, type }, column) => {
    return `c${column}::${sqlType(type)} AS ${ident(name)}`;
  });
  const from = rows.length > 0 ? `(VALUES ${values.join(', ')})` : `(VALUES (${names.map(() => 'NULL')}))`;
  const select = `SELECT ${casts.join(', ')} FROM ${from} AS t(${names.join(', ')})`;
  return queryPart(schema, rows.length > 0 ? select : `${select} WHERE false`, rows.length, index);
}

/** A part of the rows of a query. */
export async function queryPart(schema: Schema, sql: string, rows: number, index = 0): Promise<Part> {
  const dir = (partsDir ??= makeFolder());
  const path = join(dir, `${randomUUID()}.parquet`);
  await withDuckdb({ dir, memoryMb: 400, threads: 1 }, (db) =>
    db.copy(`SELECT ${stageTerms(schema).join(', ')} FROM (${sql})`, path, schema),
  );
  return createPart({ index, schema, rows, path, firstRow: 0 }, contextOf(dir));
}

/** Rows [firstRow, firstRow + rows) of a part. */
export function slicePart(part: Part, firstRow: number, rows: number, index = part.index): Part {
  return createPart({ ...part, index, firstRow, rows }, contextOf(dirname(part.path)));
}

/** The world as a target sees it, with all folders in one. */
export function contextOf(folder: string, signal = new AbortController().signal): PluginContext {
  return {
    projectDir: folder,
    scratchDir: folder,
    shared: createSharedFiles(folder),
    signal,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined },
    progress: () => undefined,
    secret: () => Promise.reject(new Error('There are no secrets here.')),
    turn: () => Promise.resolve(),
  };
}

function textSql(text: string): string {
  return text.split('\0').map(literal).join(' || chr(0) || ');
}
