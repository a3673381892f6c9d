/** What `schema_contract` and `max_shrink` make of a table in SQLite. */
import { INTEGER, STRING, type Schema } from '../../pipeline/types';
import type { TextRow } from '../support/parts';
import { openTable } from '../support/sqlite-table';

const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'name', type: STRING },
];
const ROWS: TextRow[] = [
  ['2', 'new'],
  ['3', null],
];

describe('schema_contract', () => {
  const OLD = `CREATE TABLE t (id INTEGER, kept TEXT DEFAULT 'd'); INSERT INTO t VALUES (1, 'mine')`;

  it('freeze, the default, refuses a column that the table lacks, before any work', async () => {
    const table = openTable();
    table.execute(OLD);
    await expect(table.target().check(SCHEMA)).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringContaining('the table lacks column "name" (string)') as string,
    });
    expect(table.query('SELECT * FROM t')).toEqual([[1n, 'mine']]);
  });

  it('evolve adds it with the publish, and keeps the other columns', async () => {
    const table = openTable({ schema_contract: 'evolve' });
    table.execute(OLD);
    await table.target().check(SCHEMA);
    expect(table.query('SELECT * FROM t')).toEqual([[1n, 'mine']]);
    await table.run(SCHEMA, ROWS);
    await table.run(SCHEMA, [['4', 'more']]);
    expect(table.query('SELECT id, kept, name FROM t ORDER BY id')).toEqual([
      [1n, 'mine', null],
      [2n, 'd', 'new'],
      [3n, 'd', null],
      [4n, 'd', 'more'],
    ]);
  });

  it('evolve merges into it, but adds no column of the key', async () => {
    const open = (key: string) => openTable({ schema_contract: 'evolve', mode: 'merge', primary_key: [key] });
    const table = open('id');
    table.execute(OLD);
    await table.run(SCHEMA, [['1', 'named'], ...ROWS]);
    expect(table.query('SELECT id, kept, name FROM t ORDER BY id')).toEqual([
      [1n, 'mine', 'named'],
      [2n, 'd', 'new'],
      [3n, 'd', null],
    ]);
    const other = open('name');
    other.execute(OLD);
    await expect(other.target().check(SCHEMA)).rejects.toThrow('the table lacks column "name"');
  });

  it('evolve adds columns to a replaced table that has rules, and keeps these', async () => {
    const table = openTable({ schema_contract: 'evolve', mode: 'replace' });
    table.execute('CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)');
    await table.run(SCHEMA, ROWS);
    expect(table.query('SELECT id, name FROM t ORDER BY id')).toEqual([
      [2n, 'new'],
      [3n, null],
    ]);
    expect(table.query(`SELECT pk FROM pragma_table_info('t') WHERE name = 'id'`)).toEqual([[1n]]);
  });
});

describe('max_shrink', () => {
  const rows = (count: number): TextRow[] => Array.from({ length: count }, (_, id) => [String(id), 'x']);

  it.each([
    [0.2, 8, false],
    [0.2, 7, true],
    [0.2, 0, true],
    [0, 10, false],
    [0, 9, true],
    [1, 1, false],
    [1, 0, false],
  ])('%d lets 10 rows be replaced by %d: refused %s', async (max_shrink, count, isRefused) => {
    const table = openTable({ mode: 'replace', max_shrink });
    await table.run(SCHEMA, rows(10));
    const replacing = table.run(SCHEMA, rows(count));
    if (isRefused) await expect(replacing).rejects.toMatchObject({ code: 'CHECK_FAILED' });
    else await replacing;
    expect(table.query('SELECT count(*) FROM t')).toEqual([[BigInt(isRefused ? 10 : count)]]);
  });
});
