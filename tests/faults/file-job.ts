/** The targets of files that fault tests kill, and what their readers find. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { literal } from '../../pipeline/sql';
import { INTEGER, STRING, type Schema } from '../../pipeline/types';
import type { PluginContext } from '../../plugin/context';
import type { OpenTarget } from '../../plugin/target';
import { withDuckdb } from '../../runtime/duckdb';
import { csv } from '../../targets/csv';
import { parquet } from '../../targets/parquet';
import { fakeLines } from '../support/fake-file-target';
import { ROWS } from './target-job';

export const FILE_SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'name', type: STRING },
  { name: 'kind', type: INTEGER },
];
export const FILE_QUERY = `SELECT range AS id, 'name of row ' || range AS name, range % 5 AS kind FROM range(${ROWS})`;

interface FileJob {
  open(context: PluginContext): OpenTarget;
  /** The numbers of the rows that a reader finds. */
  readIds(dir: string): Promise<number[]>;
}

export const FILE_JOBS: Record<string, FileJob> = {
  'files of parts': {
    open: (context) => fakeLines.open({ path: 'out', mode: 'replace' }, context),
    readIds: (dir) =>
      Promise.resolve(
        listed(dir).flatMap((path) =>
          readFileSync(path, 'utf8')
            .trim()
            .split('\n')
            .map((line) => Number((JSON.parse(line) as string[])[0])),
        ),
      ),
  },
  'Parquet files in folders': {
    open: (context) => parquet.open(parquet.options.parse({ path: 'out', partition_by: ['kind'] }), context),
    readIds: (dir) =>
      withDuckdb({ dir, memoryMb: 400, threads: 1 }, async (db) => {
        const paths = listed(dir).map(literal).join(', ');
        const rows = await db.all(`SELECT id FROM read_parquet([${paths}]) ORDER BY id`);
        return rows.map(({ id }) => Number(id));
      }),
  },
  'one CSV file': {
    open: (context) => csv.open(csv.options.parse({ path: 'out/x.csv' }), context),
    readIds: (dir) =>
      Promise.resolve(
        readFileSync(join(dir, 'out/x.csv'), 'utf8')
          .trim()
          .split('\n')
          .slice(1)
          .map((line) => Number(line.split(',')[0])),
      ),
  },
};

/** Paths of the files of `_manifest.json`. */
function listed(dir: string): string[] {
  const path = join(dir, 'out/_manifest.json');
  if (!existsSync(path)) return [];
  const { files } = JSON.parse(readFileSync(path, 'utf8')) as { files: { path: string }[] };
  return files.map((file) => join(dir, 'out', file.path));
}
