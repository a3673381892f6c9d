/** Mode replace into a table that exists: what its users have defined stays, or the run is refused. */
import { INTEGER, STRING, type Schema } from '../../pipeline/types';
import { openSqlite } from '../../targets/sqlite/binding';
import { hasRules } from '../../targets/sqlite/replace';
import type { TextRow } from '../support/parts';
import { openTable } from '../support/sqlite-table';

const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'v', type: STRING },
];
const NEW: TextRow[] = [
  ['2', 'b'],
  ['3', 'c'],
];
const open = () => openTable({ mode: 'replace' });
const catalogue =
  'SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE "%flexetl%" ORDER BY name'.replaceAll(
    '"',
    "'",
  );

describe('the definition of a table that is replaced', () => {
  it.each([
    'id INTEGER PRIMARY KEY, v TEXT',
    'id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT',
    'id INTEGER, v TEXT, PRIMARY KEY (v, id)',
    'id INTEGER NOT NULL, v TEXT UNIQUE',
    `id INTEGER, v TEXT DEFAULT 'none', made TEXT DEFAULT CURRENT_TIMESTAMP`,
    'id INTEGER CHECK (id > 0), v TEXT',
    'id INTEGER, v TEXT COLLATE NOCASE',
    'id INTEGER, v TEXT REFERENCES other (v)',
    'id INTEGER, v TEXT, both TEXT AS (id || v) STORED',
    'id INTEGER, v TEXT) STRICT',
    'id INTEGER PRIMARY KEY, v TEXT) WITHOUT ROWID',
  ])('is kept: %s', async (columns) => {
    const table = open();
    const end = /\) (STRICT|WITHOUT ROWID)$/.test(columns) ? '' : ')';
    table.execute(`CREATE TABLE other (v TEXT PRIMARY KEY); INSERT INTO other VALUES ('a'), ('b'), ('c');
      CREATE TABLE t (${columns}${end}; CREATE INDEX by_v ON t (v);
      CREATE TABLE log (x); CREATE VIEW seen AS SELECT v FROM t;
      CREATE TRIGGER put AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('put'); END;
      CREATE TRIGGER took AFTER DELETE ON t BEGIN INSERT INTO log VALUES ('took'); END`);
    table.execute(`INSERT INTO t (id, v) VALUES (1, 'a'); DELETE FROM log`);
    const before = table.query(catalogue);
    expect(await table.run(SCHEMA, NEW)).toEqual({ rows: 2, inserted: 2, updated: 0 });
    expect(table.query('SELECT id, v FROM t ORDER BY id')).toEqual([
      [2n, 'b'],
      [3n, 'c'],
    ]);
    expect(table.query('SELECT * FROM seen ORDER BY 1').flat()).toEqual(['b', 'c']);
    expect(table.query('SELECT * FROM log')).toEqual([]);
    expect(table.query(catalogue)).toEqual(before);
  });

  it('is that of the pipeline where names and types were all it said', async () => {
    const table = open();
    table.execute(
      `CREATE TABLE t ("primary key" TEXT, [not null] TEXT /* unique */); INSERT INTO t VALUES (1, 2)`,
    );
    await table.run(SCHEMA, NEW);
    expect(table.query('SELECT * FROM t').length).toBe(2);
    expect(table.query(`SELECT name FROM pragma_table_info('t')`).flat()).toEqual(['id', 'v']);
  });

  it('refuses to take away a column that a view reads', async () => {
    const table = open();
    table.execute(`CREATE TABLE t (id INTEGER, other TEXT); CREATE VIEW seen AS SELECT other FROM t;
      CREATE VIEW broken AS SELECT x FROM nowhere`);
    await expect(table.run(SCHEMA, NEW)).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringContaining(
        'view "seen" does not fit the columns of this run: no such column: other',
      ) as string,
    });
    expect(table.query(`SELECT name FROM pragma_table_info('t')`).flat()).toEqual(['id', 'other']);
  });

  it('refuses a pipeline that does not fit it, before anything is loaded', async () => {
    const table = open();
    table.execute(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, must TEXT NOT NULL); INSERT INTO t VALUES (1, 'a')`,
    );
    await expect(table.target().check(SCHEMA)).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message:
        't.db, table t cannot take the rows of this pipeline: the table lacks column "v" (string); ' +
        'the pipeline lacks column "must", which must not be null.',
    });
  });

  it.each([
    ['CREATE TABLE "t" ("id" INTEGER, "v" TEXT)', false],
    ['CREATE TABLE t (a DECIMAL(10, 2), b "PRIMARY KEY", c [CHECK], d `UNIQUE`) -- NOT NULL', false],
    [`CREATE TABLE t (a TEXT "it""s NOT", b) /* DEFAULT\n */`, false],
    ['create table t (a int not null)', true],
    [`CREATE TABLE t (a DEFAULT '--')`, true],
    ['CREATE TABLE t (a, b AS (a))', true],
    ['CREATE TABLE t (a) STRICT', true],
  ])('has rules or not: %s', (sql, expected) => {
    expect(hasRules(sql)).toBe(expected);
  });
});

describe('other tables that refer to a table that is replaced', () => {
  const make = (rules: string): ReturnType<typeof open> => {
    const table = open();
    table.execute(`CREATE TABLE t (id INTEGER${rules}, v TEXT); CREATE UNIQUE INDEX by_id ON t (id);
      INSERT INTO t VALUES (2, 'old'), (3, 'old'), (9, 'old');
      CREATE TABLE child (id INTEGER REFERENCES t (id) ON DELETE CASCADE); INSERT INTO child VALUES (2), (3)`);
    return table;
  };

  it.each(['', ' NOT NULL'])(
    'keep their rows where the new ones have what they refer to (%s)',
    async (rules) => {
      const table = make(rules);
      await table.run(SCHEMA, NEW);
      expect(table.query('SELECT id FROM child').flat()).toEqual([2n, 3n]);
      expect(table.query('SELECT v FROM t').flat()).toEqual(['b', 'c']);
    },
  );

  it.each(['', ' NOT NULL'])(
    'refuse new rows that would leave theirs without a match (%s)',
    async (rules) => {
      const table = make(rules);
      table.execute('INSERT INTO child VALUES (9)');
      await expect(table.run(SCHEMA, NEW)).rejects.toMatchObject({
        code: 'TARGET_INCOMPATIBLE',
        message: expect.stringContaining(
          '1 row of table child refer to rows that this run does not have',
        ) as string,
      });
      expect(table.query('SELECT id FROM t').flat()).toEqual([2n, 3n, 9n]);
      expect(table.query('SELECT id FROM child').flat()).toEqual([2n, 3n, 9n]);
    },
  );

  it('do not stop a run by references that were broken before it', async () => {
    const table = make('');
    table.execute('PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (77)');
    await table.run(SCHEMA, NEW);
    expect(table.query('SELECT v FROM t').flat()).toEqual(['b', 'c']);
  });
});

describe('a reader in a transaction', () => {
  it.each(['', ' PRIMARY KEY'])(
    'sees the old rows to its end while the table is replaced (%s)',
    async (rules) => {
      const table = open();
      table.execute(
        `PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER${rules}, v TEXT); INSERT INTO t VALUES (1, 'a')`,
      );
      const reader = openSqlite(table.file);
      const read = () => reader.prepare('SELECT id FROM t').pluck().all();
      try {
        reader.exec('BEGIN');
        expect(read()).toEqual([1]);
        await table.run(SCHEMA, NEW);
        expect(read()).toEqual([1]);
        reader.exec('COMMIT');
        expect(read()).toEqual([2, 3]);
      } finally {
        reader.close();
      }
    },
  );
});
