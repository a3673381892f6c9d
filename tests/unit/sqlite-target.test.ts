/** What only SQLite does: its dialect, called here without the thread. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATE, decimal, FLOAT, INTEGER, STRING, TIMESTAMP, type Schema } from '../../pipeline/types';
import { LIMITS } from '../../pipeline/limits';
import type { LoadKey, OpenTarget, Published } from '../../plugin/target';
import { openSqlTarget } from '../../targets/sql/target';
import { sqliteDialect, type SqliteOptions } from '../../targets/sqlite/dialect';
import { makeFolder } from '../support/folder';
import { contextOf, LOAD_KEY, makePart, type TextRow } from '../support/parts';
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
const KEY: LoadKey = { ...LOAD_KEY, runKey: 'r1' };

let dir: string;
let place: SqliteOptions;
beforeEach(() => {
  dir = makeFolder();
  place = { database: 'out/t.db', table: 't', mode: 'replace' };
});
afterEach(() => jest.restoreAllMocks());

const append = (): SqliteOptions => ({ ...place, mode: 'append' });
const merge = (...primary_key: string[]): SqliteOptions => ({ ...place, mode: 'merge', primary_key });
const open = (at: SqliteOptions): OpenTarget => openSqlTarget(sqliteDialect, at, contextOf(dir));
const runCheck = (at = place, schema = SCHEMA): ReturnType<OpenTarget['check']> => open(at).check(schema);

async function load(rows: TextRow[], at = place, key = KEY, index = 0, schema = SCHEMA): Promise<void> {
  await open(at).load(key, await makePart(schema, rows, index));
}

function runPublish(at = place, key = KEY, schema = SCHEMA): Promise<Published> {
  return open(at).publish(key, schema);
}

async function run(rows: TextRow[], at = place, runKey = 'r1', schema = SCHEMA): Promise<void> {
  await load(rows, at, { ...KEY, runKey }, 0, schema);
  await runPublish(at, { ...KEY, runKey }, schema);
}

/** A second connection, as a user's. */
function withUser<T>(work: (db: Sqlite) => T): T {
  mkdirSync(join(dir, 'out'), { recursive: true });
  const db = openSqlite(join(dir, place.database));
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
    expect(query(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1`).flat()).toEqual([
      '_flexetl_loads',
      't',
    ]);
    expect(readdirSync(join(dir, 'out'))).toEqual(['t.db']);
  });

  it('is not made beside a ledger that another version keeps otherwise', async () => {
    withUser((db) =>
      db.exec('CREATE TABLE _flexetl_loads (pipeline TEXT, run_key TEXT, part INTEGER, rows INTEGER)'),
    );
    await expect(runCheck()).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringContaining('_flexetl_loads') as string,
    });
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
    await run([['2026-02-02', 'a', '3.00']]);
    expect(query('SELECT * FROM v')).toEqual([['a']]);
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
      message: 'out/t.db, table t refuses the rows: UNIQUE constraint failed: t.id.',
    });
    expect(query('SELECT count(*) FROM t')).toEqual([[1]]);
  });
});

describe('mode merge', () => {
  const ONE: TextRow[] = [['2026-03-03', 'b', '9.90']];

  it('updates rows whose key is there, adds the others, and leaves what it does not know', async () => {
    execute(`CREATE TABLE t (id TEXT PRIMARY KEY, day DATE, total DECIMAL_TEXT, note TEXT DEFAULT '-');
      INSERT INTO t VALUES ('b', NULL, '0', 'kept'), ('y', NULL, '7', 'old')`);
    await load([...ROWS.slice(0, 1), ...ONE], merge('id'));
    expect(await runPublish(merge('id'))).toEqual({ rows: 2, inserted: 1, updated: 1 });
    expect(query('SELECT * FROM t ORDER BY id')).toEqual([
      ['a', '2026-01-02', '1.10', '-'],
      ['b', '2026-03-03', '9.90', 'kept'],
      ['y', null, '7', 'old'],
    ]);
    expect(await runPublish(merge('id'))).toEqual({ rows: 2, inserted: 1, updated: 1 });
  });

  it('makes the table with its primary key', async () => {
    await run(ROWS, merge('day', 'id'));
    expect(query(`SELECT name, pk FROM pragma_table_info('t') WHERE pk > 0`)).toEqual([
      ['day', 1],
      ['id', 2],
    ]);
  });

  it('refuses a null in a key and publishes nothing', async () => {
    await run(ROWS, place, 'r0');
    await load([['2026-01-01', null, '1']], merge('id'));
    await expect(runPublish(merge('id'))).rejects.toMatchObject({
      code: 'KEY_INVALID',
      message:
        'out/t.db, table t: primary_key (id) is not unique: 1 row has a null in the key. Nothing was published.',
    });
    expect(query('SELECT id FROM t').flat()).toEqual(['a', 'b']);
  });

  it('takes the last row of a key also where the load makes the table', async () => {
    await load([...ONE, ...ROWS, ...ONE], merge('id'));
    expect(await runPublish(merge('id'))).toEqual({ rows: 4, inserted: 2, updated: 0, deduplicated: 2 });
    expect(query('SELECT * FROM t ORDER BY id')).toEqual([
      ['2026-01-02', 'a', 1.1],
      ['2026-03-03', 'b', 9.9],
    ]);
  });

  it.each([
    [
      'holds a key in two rows',
      `CREATE TABLE t (day, id TEXT, total DECIMAL); INSERT INTO t VALUES (1, 'b', 1), (2, 'b', 2)`,
      ONE,
    ],
    [
      'ignores case in its keys',
      `CREATE TABLE t (day, id TEXT COLLATE NOCASE PRIMARY KEY, total DECIMAL); INSERT INTO t VALUES (1, 'b', 1)`,
      [...ONE, ['2026-03-03', 'B', '1']],
    ],
  ])('refuses a table that %s', async (_, sql, rows) => {
    execute(sql);
    await load(rows as TextRow[], merge('id'));
    await expect(runPublish(merge('id'))).rejects.toMatchObject({ code: 'KEY_INVALID' });
  });

  it('is refused by check when a column of its key is not there', async () => {
    await expect(runCheck(merge('ID'))).rejects.toThrow(
      'column "ID" of primary_key is not among the columns of this pipeline: day, id, total.',
    );
  });
});

describe('a table that does not keep what it is given', () => {
  const ignore = 'BEGIN SELECT RAISE(IGNORE); END';
  it.each([
    ['a trigger ignores a row', append, `CREATE TRIGGER g BEFORE INSERT ON t WHEN NEW.id = 'b' ${ignore}`],
    [
      'a trigger removes rows',
      append,
      'CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t WHERE id = NEW.id; END',
    ],
    ['a trigger ignores an update', () => merge('id'), `CREATE TRIGGER g BEFORE UPDATE ON t ${ignore}`],
    ['a conflict is ignored', append, undefined, 'ON CONFLICT IGNORE'],
    ['a conflict replaces a row', append, undefined, 'ON CONFLICT REPLACE'],
  ])('is an error, not a loss: %s', async (_, at, trigger, clause = '') => {
    execute(
      `CREATE TABLE t (day DATE, id TEXT UNIQUE ${clause}, total DECIMAL); INSERT INTO t VALUES (1, 'a', 1)`,
    );
    if (trigger !== undefined) execute(trigger);
    const rows: TextRow[] = trigger !== undefined && at === append ? [['2026-01-01', 'b', '1']] : ROWS;
    await load(rows, at());
    await expect(runPublish(at())).rejects.toMatchObject({ code: 'ROWS_UNBALANCED' });
    expect(query('SELECT * FROM t')).toEqual([[1, 'a', 1]]);
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
    await expect(runCheck({ ...place, database: dir })).rejects.toThrow(
      'is not a SQLite database: it is a folder',
    );
    const file = join(dir, 'notes.txt');
    writeFileSync(file, 'These are some notes, not a database. '.repeat(100));
    const before = readFileSync(file, 'utf8');
    await expect(runCheck({ ...place, database: file })).rejects.toMatchObject({
      code: 'TARGET_INVALID',
      message: expect.stringContaining('is not a SQLite database') as string,
    });
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('refuses a path below a file, with advice', async () => {
    writeFileSync(join(dir, 'file'), '');
    await expect(runCheck({ ...place, database: 'file/sub/t.db' })).rejects.toMatchObject({
      code: 'TARGET_INVALID',
      hint: expect.stringContaining('database') as string,
    });
    const key = { ...KEY, runKey: 'x' };
    await expect(load(ROWS, { ...place, database: 'file/t.db' }, key)).rejects.toMatchObject({
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
    const before = readFileSync(join(dir, place.database));
    await runCheck();
    expect(readFileSync(join(dir, place.database)).equals(before)).toBe(true);
    expect(readdirSync(join(dir, 'out'))).toEqual(['t.db']);
  });

  it('does not need the lock of the database; publish says that it is busy', async () => {
    await run(ROWS, place, 'r0');
    const user = openSqlite(join(dir, place.database));
    user.exec('BEGIN IMMEDIATE');
    const busy = { code: 'TARGET_BUSY', retryable: true, message: 'out/t.db is locked by another program.' };
    jest.replaceProperty(LIMITS, 'sqliteBusyMs', 100 as never);
    await runCheck();
    await expect(runPublish()).rejects.toMatchObject(busy);
    user.exec('ROLLBACK; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    await expect(runCheck()).rejects.toMatchObject(busy);
    user.close();
    await runCheck();
  });
});

describe('what dead runs leave behind', () => {
  it('is removed when the next run of the pipeline begins', async () => {
    await load(ROWS, place, { ...KEY, runKey: 'dead' });
    await open(place).begin(KEY, false);
    expect(query('SELECT * FROM _flexetl_loads')).toEqual([]);
    expect(query(`SELECT count(*) FROM sqlite_schema WHERE name LIKE '%stage%'`)).toEqual([[0]]);
  });

  it('is not made by discarding a load that never was', async () => {
    await open(place).discard(KEY);
    execute('CREATE TABLE mine (x)');
    await open(place).discard(KEY);
    expect(query('SELECT name FROM sqlite_schema').flat()).toEqual(['mine']);
  });
});
