/** Where a table is: paths and names of every spelling, and databases that others use in their own way. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { INTEGER, STRING, type Schema } from '../../pipeline/types';
import { LIMITS } from '../../pipeline/limits';
import { kindOfOption } from '../../plugin/options';
import { sqlite } from '../../targets/sqlite';
import { openSqlite } from '../../targets/sqlite/binding';
import { makeFolder } from '../support/folder';
import { LOAD_KEY, type TextRow } from '../support/parts';
import { openTable } from '../support/sqlite-table';

const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'v', type: STRING },
];
const ROWS: TextRow[] = [['1', 'a']];
const journal = 'PRAGMA journal_mode';

afterEach(() => jest.restoreAllMocks());

describe('the path of a database', () => {
  it.each([
    'a#b.db',
    'a?mode=ro.db',
    '100%20.db',
    '*.db',
    '[ab].db',
    'year=1999/t.db',
    'two words.db',
    'two\nlines.db',
    'file:t.db',
    ':memory:',
    ' t.db',
    'o\'clock "q".db',
    'Ünï/日本.db',
    '-t',
    'c:\\t.db',
  ])('is a path, not a pattern or an address: %j', async (database) => {
    const dir = makeFolder();
    writeFileSync(join(dir, 'other.db'), '');
    const table = openTable({ database, mode: 'replace' }, dir);
    await table.run(SCHEMA, ROWS);
    await table.run(SCHEMA, ROWS);
    expect(existsSync(join(dir, database))).toBe(true);
    expect(readdirSync(dir).sort()).toEqual(['other.db', database.split('/')[0]].sort());
    const db = openSqlite(join(dir, database), { readonly: true });
    expect(db.prepare('SELECT * FROM t').raw().all()).toEqual([[1, 'a']]);
    db.close();
  });

  it.each(['t.db ', 't.db\n', 'out/'])('that the binding would read otherwise is refused: %j', (database) => {
    const found = sqlite.options.safeParse({ database, table: 't' });
    expect(found.error?.issues).toMatchObject([
      { path: ['database'], message: 'must be the path of a file, found a blank or a slash at its end' },
    ]);
  });

  it('is known as a path', () => {
    const { shape } = sqlite.options as unknown as { shape: { database: never } };
    expect(kindOfOption(shape.database)).toBe('path');
  });

  it('that is no file is refused', async () => {
    await expect(openTable({ database: '/dev/null' }, '/').target().check(SCHEMA)).rejects.toMatchObject({
      code: 'TARGET_INVALID',
      message: '/dev/null is not a SQLite database: it is no file.',
    });
  });
});

describe('the name of a table', () => {
  it.each(['Order Details', `it's "quoted"`, '売上', 'a;b--c', '[x]', 'select', '%', '😀'.repeat(40), 'a.b'])(
    'may be %j',
    async (name) => {
      const options = { database: 't.db', table: name };
      expect(sqlite.options.safeParse(options).success).toBe(true);
      for (const mode of ['replace', 'append', 'merge'] as const) {
        const table = openTable({ table: name, mode, ...(mode === 'merge' && { primary_key: ['id'] }) });
        await table.run(SCHEMA, ROWS);
        await table.run(SCHEMA, [['2', 'b']]);
        const quoted = `"${name.replaceAll('"', '""')}"`;
        expect(table.query(`SELECT id FROM ${quoted}`).flat()).toEqual(mode === 'replace' ? [2n] : [1n, 2n]);
        const tables = table
          .query(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
          .flat();
        expect(tables.sort()).toEqual(['_flexetl_loads', name].sort());
      }
    },
  );

  it.each(['', 'a\nb', 'a\0b', 'SQLite_x', '_FlexETL_x', 'x'.repeat(64)])('may not be %j', (table) => {
    expect(sqlite.options.safeParse({ database: 't.db', table }).success).toBe(false);
  });
});

describe('the journal of a database', () => {
  it('is WAL in a new one, also where an empty file is there', async () => {
    const dir = makeFolder();
    writeFileSync(join(dir, 't.db'), '');
    for (const table of [openTable(), openTable({}, dir)]) {
      await table.target().check(SCHEMA);
      if (table.dir === dir) expect(statSync(table.file).size).toBe(0);
      await table.run(SCHEMA, ROWS);
      expect(table.query(journal)).toEqual([['wal']]);
      expect(readdirSync(table.dir)).toEqual(['t.db']);
    }
  });

  it.each(['delete', 'wal'])('stays %s in one that exists', async (mode) => {
    const table = openTable({ mode: 'replace' });
    table.execute(`PRAGMA journal_mode = ${mode}; CREATE TABLE u (x)`);
    await table.run(SCHEMA, ROWS);
    await table.target().discard({ ...LOAD_KEY, runKey: 'other' });
    expect(table.query(journal)).toEqual([[mode]]);
    expect(readdirSync(table.dir)).toEqual(['t.db']);
  });

  it('of a database that was removed is not taken for its own, that of a killed writer is', async () => {
    for (const [removed, expected] of [
      [true, [1n]],
      [false, [7n, 1n]],
    ] as const) {
      const table = openTable();
      const killed = openSqlite(table.file);
      killed.exec(
        'PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER, v TEXT); INSERT INTO t VALUES (7, 0)',
      );
      const files = readdirSync(table.dir).map(
        (name) => [join(table.dir, name), readFileSync(join(table.dir, name))] as const,
      );
      killed.close();
      for (const [file, bytes] of files) if (!removed || file !== table.file) writeFileSync(file, bytes);
      if (removed) rmSync(table.file);
      await table.run(SCHEMA, ROWS);
      expect(table.query('SELECT id FROM t').flat()).toEqual(expected);
      expect(readdirSync(table.dir)).toEqual(['t.db']);
    }
  });

  it('lets a publish without WAL wait for a reader, who sees the old rows to his end', async () => {
    const table = openTable({ mode: 'replace' });
    table.execute(`CREATE TABLE t (id INTEGER, v TEXT); INSERT INTO t VALUES (0, 'old')`);
    const reader = openSqlite(table.file);
    const read = () => reader.prepare('SELECT id FROM t').pluck().all();
    try {
      reader.exec('BEGIN');
      expect(read()).toEqual([0]);
      jest.replaceProperty(LIMITS, 'sqliteBusyMs', 1 as never);
      await expect(table.run(SCHEMA, ROWS)).rejects.toMatchObject({ code: 'TARGET_BUSY' });
      expect(read()).toEqual([0]);
      jest.restoreAllMocks();
      const running = table.run(SCHEMA, ROWS);
      reader.exec('COMMIT');
      await running;
      expect(read()).toEqual([1]);
    } finally {
      reader.close();
    }
  });

  it.each([
    ['a writer', 'wal', 'BEGIN IMMEDIATE'],
    ['a writer', 'delete', 'BEGIN IMMEDIATE'],
    ['one that lets nobody read', 'delete', 'BEGIN EXCLUSIVE'],
    ['one that keeps the file', 'delete', 'PRAGMA locking_mode = EXCLUSIVE; DELETE FROM t'],
    ['one that keeps the file', 'wal', 'PRAGMA locking_mode = EXCLUSIVE; DELETE FROM t'],
  ])('does not matter to waiting for a lock: %s, %s', async (_, mode, lock) => {
    const table = openTable({ mode: 'replace' });
    table.execute(`PRAGMA journal_mode = ${mode}; CREATE TABLE t (id INTEGER, v TEXT)`);
    const user = openSqlite(table.file);
    user.exec(lock);
    jest.replaceProperty(LIMITS, 'sqliteBusyMs', 1 as never);
    const busy = { code: 'TARGET_BUSY', retryable: true };
    await expect(table.target().publish(LOAD_KEY, SCHEMA)).rejects.toMatchObject(busy);
    jest.restoreAllMocks();
    const waiting = table.run(SCHEMA, ROWS);
    user.close();
    await waiting;
    expect(table.query('SELECT id FROM t').flat()).toEqual([1n]);
  });
});
