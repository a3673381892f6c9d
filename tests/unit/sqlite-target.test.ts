/** What only SQLite does: the jobs of its thread, called here without the thread. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATE, decimal, FLOAT, INTEGER, STRING, TIMESTAMP, type Schema } from '../../pipeline/types';
import { check } from '../../targets/sqlite/check';
import type { Patience } from '../../targets/sqlite/database';
import { loadPart } from '../../targets/sqlite/load';
import type { Destination } from '../../targets/sqlite/messages';
import { discard, publish } from '../../targets/sqlite/publish';
import type { LoadKey } from '../../plugin/target';
import { makeFolder } from '../support/folder';
import { makePart, type TextRow } from '../support/parts';
import { openSqlite, type Sqlite } from '../../targets/sqlite/binding';

const SCHEMA: Schema = [
  { name: 'day', type: DATE },
  { name: 'id', type: STRING },
  { name: 'total', type: decimal(38, 2) },
];
const ROWS: TextRow[] = [
  ['2026-01-02', 'a', '1.10'],
  ['2026-01-03', 'b', '2.00'],
];
const WIDE: TextRow[] = [['2026-01-04', 'c', '1234567890123456789.01']];
const KEY: LoadKey = { pipeline: 'p', runKey: 'r1', target: '0:t' };

let dir: string;
let place: Destination;
beforeEach(() => {
  dir = makeFolder();
  place = { file: join(dir, 'out/t.db'), shownFile: 'out/t.db', table: 't', mode: 'replace' };
});

const patience = (busyMs = 1000): Patience => ({ busyMs, signal: new AbortController().signal });
const append = (): Destination => ({ ...place, mode: 'append' });

function runCheck(at = place, schema = SCHEMA): Promise<unknown> {
  return check({ ...at, task: 'check', schema }, patience(100));
}

async function load(rows: TextRow[], at = place, key = KEY, index = 0, schema = SCHEMA): Promise<void> {
  const part = await makePart(schema, rows, index);
  const job = { ...at, task: 'load', schema, key, part, scratchDir: dir } as const;
  await loadPart(job, patience(), part, () => undefined);
}

function runPublish(at = place, key = KEY, schema = SCHEMA): Promise<{ rows: number }> {
  return publish({ ...at, task: 'publish', schema, key, rowsExpected: undefined }, patience());
}

async function run(rows: TextRow[], at = place, runKey = 'r1', schema = SCHEMA): Promise<void> {
  await load(rows, at, { ...KEY, runKey }, 0, schema);
  await runPublish(at, { ...KEY, runKey }, schema);
}

/** A second connection, as a user's. */
function withUser<T>(work: (db: Sqlite) => T): T {
  mkdirSync(join(dir, 'out'), { recursive: true });
  const db = openSqlite(place.file);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

const query = (sql: string): unknown[] => withUser((db) => db.prepare(sql).raw().all());
const execute = (sql: string): void => withUser((db) => void db.exec(sql));

describe('a table that FlexETL makes in SQLite', () => {
  it('has the declared types of its columns', async () => {
    const schema: Schema = [
      { name: 'date', type: DATE },
      { name: 'product_id', type: STRING },
      { name: 'total_quantity', type: INTEGER },
      { name: 'total_revenue', type: decimal(38, 2) },
      { name: 'ratio', type: FLOAT },
      { name: 'at', type: TIMESTAMP },
    ];
    await runPublish(place, KEY, schema);
    const columns = query(`SELECT name, type FROM pragma_table_info('t')`);
    expect(columns.join(' ')).toBe(
      'date,DATE product_id,TEXT total_quantity,INTEGER total_revenue,DECIMAL ratio,REAL at,TIMESTAMP',
    );
  });

  it('keeps dates as text and decimals as numbers that print as they were', async () => {
    await run(ROWS);
    expect(query('SELECT day, typeof(day), total, typeof(total) FROM t')).toEqual([
      ['2026-01-02', 'text', 1.1, 'real'],
      ['2026-01-03', 'text', 2, 'integer'],
    ]);
  });

  it('keeps a decimal column as text when a value has more than 15 digits, earlier parts included', async () => {
    await load(ROWS);
    await load(WIDE, place, KEY, 1);
    await load(ROWS, place, KEY, 2);
    await runPublish();
    expect(query('SELECT total FROM t').flat()).toEqual([
      '1.10',
      '2.00',
      '1234567890123456789.01',
      '1.10',
      '2.00',
    ]);
    expect(query(`SELECT type FROM pragma_table_info('t') WHERE name = 'total'`)).toEqual([['DECIMAL_TEXT']]);
  });

  it('leaves nothing of the load behind but its ledger', async () => {
    await run(ROWS);
    expect(query('SELECT name FROM sqlite_schema ORDER BY 1').flat()).toEqual(['_flexetl_loads', 't']);
    expect(readdirSync(join(dir, 'out'))).toEqual(['t.db']);
  });

  it('can have columns named like the row id, but not all three', async () => {
    const named = (...names: string[]): Schema => names.map((name) => ({ name, type: STRING }));
    await load([['b', 'y']], place, KEY, 1, named('rowid', 'oid'));
    await load([['a', 'x']], place, KEY, 0, named('rowid', 'oid'));
    await runPublish(place, KEY, named('rowid', 'oid'));
    expect(query('SELECT * FROM t')).toEqual([
      ['a', 'x'],
      ['b', 'y'],
    ]);
    await expect(runCheck(place, named('rowid', 'oid', '_rowid_'))).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
    });
  });

  it('refuses values that SQLite would change', async () => {
    const nan: Schema = [{ name: 'x', type: FLOAT }];
    await expect(load([['NaN']], place, KEY, 0, nan)).rejects.toThrow('Column "x" holds NaN');
    const day: Schema = [{ name: 'x', type: DATE }];
    await expect(load([['12026-01-01']], place, KEY, 0, day)).rejects.toThrow(
      'outside the years 0001 to 9999',
    );
  });
});

describe('mode replace', () => {
  it('keeps indexes, triggers, views and other tables as they are', async () => {
    await run(ROWS, place, 'r0');
    execute(`CREATE UNIQUE INDEX by_id ON t (id); CREATE VIEW v AS SELECT id FROM t;
      CREATE TABLE log (x); CREATE TRIGGER logged AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1); END;
      CREATE TABLE child (id TEXT REFERENCES t (id) ON DELETE CASCADE); INSERT INTO child VALUES ('a')`);
    await run([['2026-02-02', 'z', '3.00']]);
    expect(query('SELECT * FROM v')).toEqual([['z']]);
    expect(query('SELECT * FROM child')).toEqual([['a']]);
    expect(query('SELECT * FROM log')).toEqual([]);
    expect(query(`SELECT name FROM sqlite_schema WHERE tbl_name = 't' ORDER BY 1`).flat()).toEqual([
      'by_id',
      'logged',
      't',
    ]);
  });

  it('leaves the old table when an index does not fit the new rows, and names the index', async () => {
    await run(ROWS, place, 'r0');
    execute('CREATE UNIQUE INDEX one ON t (day)');
    await load([
      ['2026-01-01', 'x', '1'],
      ['2026-01-01', 'y', '1'],
    ]);
    await expect(runPublish()).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringContaining('index "one"') as string,
    });
    expect(query('SELECT id FROM t').flat()).toEqual(['a', 'b']);
  });

  it('is refused by check when an index is on a column that goes away', async () => {
    execute('CREATE TABLE t (other TEXT); CREATE INDEX i ON t (other)');
    await expect(runCheck()).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: 'out/t.db, table t: index "i" is on column "other", which this pipeline does not have.',
    });
  });
});

describe('mode append', () => {
  it('fills the columns of a table by name and lets SQLite fill the rest', async () => {
    execute(
      "CREATE TABLE t (n INTEGER PRIMARY KEY, id TEXT, total DECIMAL, day DATE, note TEXT DEFAULT '-')",
    );
    await runCheck(append());
    await run(ROWS, append());
    expect(query('SELECT * FROM t')).toEqual([
      [1, 'a', 1.1, '2026-01-02', '-'],
      [2, 'b', 2, '2026-01-03', '-'],
    ]);
  });

  it('names every column that stands in the way', async () => {
    execute('CREATE TABLE t (day INTEGER, total DECIMAL, must TEXT NOT NULL)');
    await expect(runCheck(append())).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message:
        'out/t.db, table t cannot take the rows of this pipeline: column "day" is INTEGER, the pipeline has date; ' +
        'the table lacks column "id" (string); the pipeline lacks column "must", which must not be null.',
    });
  });

  it('refuses a long decimal for a DECIMAL column and publishes nothing', async () => {
    await run(ROWS, append(), 'r0');
    await load(WIDE, append());
    await expect(runPublish(append())).rejects.toMatchObject({ code: 'TARGET_INCOMPATIBLE' });
    expect(query('SELECT count(*) FROM t')).toEqual([[2]]);
  });

  it('writes decimals as text into a column of text', async () => {
    await run(WIDE, append(), 'r0');
    await run(ROWS, append());
    expect(query('SELECT total FROM t').flat()).toEqual(['1234567890123456789.01', '1.10', '2.00']);
  });

  it('obeys the constraints of the table', async () => {
    execute("CREATE TABLE t (day DATE, id TEXT UNIQUE, total DECIMAL); INSERT INTO t VALUES (1, 'b', 1)");
    await load(ROWS, append());
    await expect(runPublish(append())).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: 'out/t.db refuses the rows: UNIQUE constraint failed: t.id.',
    });
    expect(query('SELECT count(*) FROM t')).toEqual([[1]]);
  });
});

describe('check of a SQLite target', () => {
  it.each([
    ['a view', 'CREATE VIEW t AS SELECT 1', 'is a view, expected a table'],
    ['a virtual table', 'CREATE VIRTUAL TABLE t USING fts5(x)', 'is a virtual table, expected a table'],
    ['an index', 'CREATE TABLE u (x); CREATE INDEX t ON u (x)', 'is an index, expected a table'],
  ])('refuses %s of that name', async (_, sql, message) => {
    execute(sql);
    await expect(runCheck()).rejects.toMatchObject({
      code: 'TARGET_INVALID',
      message: expect.stringContaining(message) as string,
    });
  });

  it('refuses a folder and a file that is no database', async () => {
    await expect(runCheck({ ...place, file: dir })).rejects.toThrow(
      'is not a SQLite database: it is a folder',
    );
    const file = join(dir, 'notes.txt');
    writeFileSync(file, 'These are some notes, not a database. '.repeat(100));
    const before = readFileSync(file, 'utf8');
    await expect(runCheck({ ...place, file })).rejects.toMatchObject({
      code: 'TARGET_INVALID',
      message: expect.stringContaining('is not a SQLite database') as string,
    });
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('refuses a path below a file, with advice', async () => {
    writeFileSync(join(dir, 'file'), '');
    await expect(runCheck({ ...place, file: join(dir, 'file/sub/t.db') })).rejects.toMatchObject({
      code: 'TARGET_INVALID',
      hint: expect.stringContaining('database') as string,
    });
    const key = { ...KEY, runKey: 'x' };
    await expect(load(ROWS, { ...place, file: join(dir, 'file/t.db') }, key)).rejects.toMatchObject({
      code: 'TARGET_INVALID',
    });
  });

  it('refuses columns that differ only in case', async () => {
    const schema: Schema = [
      { name: 'Id', type: STRING },
      { name: 'id', type: STRING },
    ];
    await expect(runCheck(place, schema)).rejects.toThrow('columns "Id" and "id" are the same name');
  });

  it('leaves a database as it found it', async () => {
    execute('CREATE TABLE t (x)');
    const before = readFileSync(place.file);
    await runCheck();
    expect(readFileSync(place.file).equals(before)).toBe(true);
    expect(readdirSync(join(dir, 'out'))).toEqual(['t.db']);
  });

  it('says that a locked database is busy, as load and publish do', async () => {
    await run(ROWS, place, 'r0');
    const user = openSqlite(place.file);
    user.exec('BEGIN IMMEDIATE');
    const busy = { code: 'TARGET_BUSY', retryable: true, message: 'out/t.db is locked by another program.' };
    await expect(runCheck()).rejects.toMatchObject(busy);
    const job = { ...place, task: 'publish', schema: SCHEMA, key: KEY, rowsExpected: 0 } as const;
    await expect(publish(job, patience(100))).rejects.toMatchObject(busy);
    user.exec('ROLLBACK');
    user.close();
    await runCheck();
  });
});

describe('what dead runs leave behind', () => {
  it('is removed by a later run after seven days, not before', async () => {
    await load(ROWS, place, { ...KEY, runKey: 'dead' });
    await load(ROWS, place, { ...KEY, runKey: 'resting' });
    execute(`UPDATE _flexetl_loads SET loaded_at = '2020-01-01T00:00:00.000Z' WHERE run_key = 'dead'`);
    await run(ROWS);
    expect(query('SELECT DISTINCT run_key FROM _flexetl_loads').flat()).toEqual(['r1', 'resting']);
    expect(query(`SELECT count(*) FROM sqlite_schema WHERE name LIKE '%stage%'`)).toEqual([[1]]);
  });

  it('is not made by discarding a load that never was', async () => {
    await discard({ ...place, task: 'discard', key: KEY }, patience());
    execute('CREATE TABLE mine (x)');
    await discard({ ...place, task: 'discard', key: KEY }, patience());
    expect(query('SELECT name FROM sqlite_schema').flat()).toEqual(['mine']);
  });
});
