/** Workers that are stopped in the middle of a load, and woken when another one has loaded and published in their place. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenTarget, Part } from '../../plugin/target';
import { csv } from '../../targets/csv';
import { parquet } from '../../targets/parquet';
import { postgresql } from '../../targets/postgresql';
import { sqlite } from '../../targets/sqlite';
import { openSqlite } from '../../targets/sqlite/binding';
import { makeFolder } from '../support/folder';
import { contextOf, queryPart } from '../support/parts';
import { databaseFor, queryPostgresql } from '../support/postgresql';
import { waitFor } from '../support/wait-for';
import { KEY, QUERY, ROWS, SCHEMA } from './target-job';

let part: Part;
beforeAll(async () => (part = await queryPart(SCHEMA, QUERY, ROWS)));

/** What changes with every write, as another program sees it. */
type Look = (dir: string, url: string) => Promise<unknown>;

/** Every file with its size, its moment and its inode. */
const lookAtFiles: Look = (dir) => {
  const entries = readdirSync(join(dir, 'out'), { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const describe = (path: string): string => {
    const { size, mtimeMs, ino } = statSync(path);
    return `${path} ${size} ${mtimeMs} ${ino}`;
  };
  return Promise.resolve(files.sort().map(describe));
};

/** Of all rows also the transactions that have written them. */
const lookAtPostgresql: Look = async (_, url) => [
  await queryPostgresql(url, 'SELECT count(*), count(DISTINCT id), min(xmin::text), max(xmin::text) FROM t'),
  await queryPostgresql(
    url,
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
  ),
  await queryPostgresql(url, 'SELECT *, xmin::text FROM _flexetl_loads ORDER BY part'),
];

const lookAtSqlite: Look = (dir) => {
  const db = openSqlite(join(dir, 't.db'), { readonly: true });
  try {
    const rows = db.prepare('SELECT count(*), count(DISTINCT id) FROM t').raw().get();
    const tables = db.prepare('SELECT name FROM sqlite_schema ORDER BY name').pluck().all();
    const ledger = db.prepare('SELECT * FROM _flexetl_loads ORDER BY part').raw().all();
    return Promise.resolve([rows, tables, ledger]);
  } finally {
    db.close();
  }
};

const POINTS = ['before the load', 'before publish'];
const TARGETS = [
  { plugin: sqlite, given: { database: 't.db', table: 't', mode: 'append' }, look: lookAtSqlite },
  {
    plugin: postgresql,
    given: { connection_string_env: 'PG', table: 't', mode: 'append' },
    look: lookAtPostgresql,
  },
  // A load into files holds no lock.
  { plugin: parquet, given: { path: 'out', mode: 'append' }, look: lookAtFiles, more: ['in the load'] },
  { plugin: csv, given: { path: 'out/x.csv' }, look: lookAtFiles, more: ['in the load'] },
].flatMap(({ plugin, given, look, more = [] }) =>
  [...POINTS, ...more].map((point) => ({ type: plugin.type, point, plugin, given, look })),
);

describe('a worker that hangs until another one has done its work', () => {
  it.concurrent.each(TARGETS)(
    'and then goes on, writes nothing into $type: $point',
    async ({ type, point, plugin, given, look }) => {
      const dir = makeFolder();
      const url = type === 'postgresql' ? await databaseFor(`fencing ${point}`) : '';
      const options = plugin.options.parse(given);
      const open = (plugin.open as (options: unknown, context: object) => OpenTarget)(options, {
        ...contextOf(dir),
        secret: () => Promise.resolve(url),
      });
      const run = join(__dirname, '../support/run-ts.js');
      const script = join(__dirname, 'fencing-child.ts');
      const args = ['--require', run, script, dir, point, part.path, url, type, JSON.stringify(options)];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const exited = once(child, 'close');
      try {
        let said = '';
        child.stdout.on('data', (text: Buffer) => (said += text.toString()));
        await waitFor(() => said.includes('stops'), { what: 'a worker that hangs', deadlineMs: 200_000 });

        await open.begin(KEY, false);
        expect(await open.load(KEY, part)).toMatchObject({ rows: ROWS });
        expect(await open.publish(KEY, SCHEMA, ROWS)).toMatchObject({ rows: ROWS });
        const before = await look(dir, url);

        child.kill('SIGCONT');
        await exited;
        expect(said).toMatch(/done|refused/);
        expect(await look(dir, url)).toEqual(before);
      } finally {
        child.kill('SIGKILL');
      }
    },
    // Ten at once, each compiling its own code.
    240_000,
  );
});
