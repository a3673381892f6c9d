/** Tables with rules of their own: the rows of a run obey them, or nothing changes; nothing is invented or lost. */
import { decimal, INTEGER, STRING, type Column, type Schema } from '../../pipeline/types';
import type { TextRow } from '../support/parts';
import { openTable } from '../support/sqlite-table';

const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'v', type: STRING },
];
const ROWS: TextRow[] = [
  ['5', 'a'],
  ['6', 'b'],
  ['7', null],
];

/** Columns of a table, as far as its end. */
const close = (columns: string): string => (columns.includes(') WITHOUT') ? columns : `${columns})`);
const refused = (code: string, message: string | RegExp) => ({
  code,
  message: expect.stringMatching(message) as string,
});

describe.each(['append', 'merge', 'replace'] as const)('mode %s into a table with rules', (mode) => {
  const open = () => openTable(mode === 'merge' ? { mode, primary_key: ['id'] } : { mode });

  it.each([
    ['NOT NULL', 'v TEXT NOT NULL', 'column "v" must not be null, and 1 row of this run'],
    ['NOT NULL that ignores', 'v TEXT NOT NULL ON CONFLICT IGNORE', 'column "v" must not be null'],
    [
      'NOT NULL that puts in a default',
      `v TEXT NOT NULL ON CONFLICT REPLACE DEFAULT '-'`,
      'column "v" must not be null',
    ],
    [
      'a primary key of text',
      'v TEXT PRIMARY KEY',
      'column "v" is of the primary key, and 1 row of this run',
    ],
    ['a part of a primary key', 'v TEXT, PRIMARY KEY (id, v)', 'column "v" is of the primary key'],
    [
      'a primary key without row ids',
      'v TEXT PRIMARY KEY) WITHOUT ROWID',
      'column "v" is of the primary key',
    ],
    ['a check', `v TEXT CHECK (v <> 'b')`, 'table t refuses the rows: CHECK constraint failed'],
    [
      'a unique column',
      'v TEXT, x INTEGER DEFAULT 1 UNIQUE',
      'refuses the rows: UNIQUE constraint failed: t.x',
    ],
    ['a foreign key', 'v TEXT REFERENCES parent (v)', 'FOREIGN KEY|parent'],
    [
      'a foreign key that is checked at the end',
      'v TEXT REFERENCES parent (v) DEFERRABLE INITIALLY DEFERRED',
      'FOREIGN KEY|parent',
    ],
  ])('refuses rows that violate it, and changes nothing: %s', async (_, column, message) => {
    const table = open();
    table.execute(`CREATE TABLE parent (v TEXT PRIMARY KEY); INSERT INTO parent VALUES ('old');
      CREATE TABLE t (id INTEGER, ${close(column)};
      INSERT INTO t (id, v) VALUES (1, 'old')`);
    await expect(table.run(SCHEMA, ROWS)).rejects.toMatchObject(refused('TARGET_INCOMPATIBLE', message));
    expect(table.query('SELECT id, v FROM t')).toEqual([[1n, 'old']]);
  });

  it.each([
    ['UNIQUE ON CONFLICT IGNORE', 'id INTEGER, v TEXT, x INTEGER DEFAULT 1 UNIQUE ON CONFLICT IGNORE'],
    ['UNIQUE ON CONFLICT REPLACE', 'id INTEGER, v TEXT, x INTEGER DEFAULT 1 UNIQUE ON CONFLICT REPLACE'],
    [
      'rows of this run that ignore each other',
      `id INTEGER, v TEXT, UNIQUE (v) ON CONFLICT IGNORE`,
      [
        ['5', 'a'],
        ['6', 'a'],
      ] as TextRow[],
    ],
  ])('loses no row to a conflict clause: %s', async (_, columns, rows: TextRow[] = ROWS) => {
    const table = open();
    table.execute(`CREATE TABLE t (${columns}); INSERT INTO t (id, v) VALUES (1, 'old')`);
    await expect(table.run(SCHEMA, rows)).rejects.toMatchObject({ code: 'ROWS_UNBALANCED' });
    expect(table.query('SELECT id, v FROM t')).toEqual([[1n, 'old']]);
  });

  it.each([
    ['of text', 'key TEXT PRIMARY KEY, id INTEGER, v TEXT', 'key'],
    ['of two columns', 'id INTEGER, v TEXT, key INTEGER, PRIMARY KEY (id, key)', 'key'],
    ['without row ids', 'key INTEGER PRIMARY KEY, id INTEGER, v TEXT) WITHOUT ROWID', 'key'],
    ['that is no row id by its order', 'key INTEGER PRIMARY KEY DESC, id INTEGER, v TEXT', 'key'],
    ['with null as default', 'key TEXT DEFAULT NULL PRIMARY KEY, id INTEGER, v TEXT', 'key'],
  ])('refuses a primary key that the pipeline lacks: %s', async (_, columns, name) => {
    const table = open();
    table.execute(`CREATE TABLE t (${close(columns)}`);
    await expect(table.target().check(SCHEMA)).rejects.toMatchObject(
      refused('TARGET_INCOMPATIBLE', `the pipeline lacks column "${name}", which must not be null`),
    );
  });

  it.each([
    ['number', 'key INTEGER PRIMARY KEY, id INTEGER, v TEXT'],
    ['number that is not null', 'key INTEGER PRIMARY KEY NOT NULL, id INTEGER, v TEXT'],
    ['number that is used once', 'key INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER, v TEXT'],
    ['default', 'key BLOB PRIMARY KEY DEFAULT (randomblob(16)), id INTEGER, v TEXT'],
  ])('lets SQLite fill a primary key that the pipeline lacks: %s', async (_, columns) => {
    const table = open();
    table.execute(`CREATE TABLE t (${columns})`);
    await table.run(SCHEMA, ROWS);
    expect(table.query('SELECT id, v FROM t WHERE key IS NOT NULL')).toEqual([
      [5n, 'a'],
      [6n, 'b'],
      [7n, null],
    ]);
  });

  it('refuses a column that the table computes', async () => {
    const table = open();
    table.execute('CREATE TABLE t (id INTEGER, w TEXT, v TEXT AS (upper(w)))');
    await expect(table.target().check(SCHEMA)).rejects.toMatchObject(
      refused('TARGET_INCOMPATIBLE', 'column "v" is generated'),
    );
  });
});

describe('a key of mode merge', () => {
  it('is no decimal that is kept as text: 1.1 and 1.10 would be two rows', async () => {
    const table = openTable({ mode: 'merge', primary_key: ['n'] });
    const schema: Schema = [{ name: 'n', type: decimal(38, 2) }];
    table.execute(`CREATE TABLE t (n DECIMAL_TEXT); INSERT INTO t VALUES ('1.1')`);
    await expect(table.run(schema, [['1.10']])).rejects.toMatchObject(
      refused('TARGET_INCOMPATIBLE', 'column "n" of primary_key is DECIMAL_TEXT'),
    );
    expect(table.query('SELECT n FROM t')).toEqual([['1.1']]);
  });

  it('finds a decimal that is kept as a number, whatever its scale', async () => {
    const table = openTable({ mode: 'merge', primary_key: ['n'] });
    table.execute(`CREATE TABLE t (n DECIMAL); INSERT INTO t VALUES (1.1)`);
    const schema: Schema = [{ name: 'n', type: decimal(38, 2) }];
    expect(await table.run(schema, [['1.10']])).toEqual({ rows: 1, inserted: 0, updated: 1 });
  });

  it('makes the column of a new table wide enough for its values', async () => {
    const table = openTable({ mode: 'merge', primary_key: ['id'] });
    const schema: Schema = [SCHEMA[0] as Column, { name: 'n', type: decimal(38, 2) }];
    await table.run(schema, [['1', '1234567890123456789.01']]);
    expect(table.query('SELECT n FROM t')).toEqual([['1234567890123456789.01']]);
  });
});

describe('a table that is broken', () => {
  it.each([
    ['a foreign key without a unique parent', 'v TEXT REFERENCES parent (other)', 'foreign key mismatch'],
    [
      'a trigger on a table that is gone',
      `v TEXT); CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO gone VALUES (1); END; --`,
      'no such table',
    ],
  ])('is named: %s', async (_, columns, message) => {
    const table = openTable();
    table.execute(`CREATE TABLE parent (other TEXT); CREATE TABLE t (id INTEGER, ${columns})`);
    await expect(table.run(SCHEMA, ROWS)).rejects.toMatchObject(
      refused('TARGET_INCOMPATIBLE', `t.db, table t refuses the rows: ${message}`),
    );
  });
});

describe('a trigger', () => {
  it('is said before any work, but not where the table is replaced', async () => {
    const table = openTable();
    table.execute(`CREATE TABLE t (id INTEGER, v TEXT); CREATE TABLE other (id INTEGER);
      CREATE TRIGGER "one more" AFTER INSERT ON T BEGIN DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (1, 'x'); END;
      CREATE TRIGGER elsewhere AFTER INSERT ON other BEGIN SELECT 1; END`);
    expect(await table.target('append').check(SCHEMA)).toEqual([
      't.db, table t has a trigger (one more): the row balance does not see rows that a trigger changes, or removes while it adds others.',
    ]);
    expect(await table.target('replace').check(SCHEMA)).toEqual([]);
  });

  it('that drops a row and adds another does not balance', async () => {
    const table = openTable();
    table.execute(`CREATE TABLE t (id INTEGER, v TEXT);
      CREATE TRIGGER swapped BEFORE INSERT ON t WHEN NEW.id = 5 BEGIN
        INSERT INTO t VALUES (0, 'other'); SELECT RAISE(IGNORE); END`);
    await expect(table.run(SCHEMA, ROWS)).rejects.toMatchObject(
      refused('ROWS_UNBALANCED', 'must insert 3 rows with this load, it would insert 2'),
    );
    expect(table.query('SELECT * FROM t')).toEqual([]);
  });
});
