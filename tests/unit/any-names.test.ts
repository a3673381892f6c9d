/**
 * Columns may have any name: pipelines whose columns are called like words of DuckDB, SQLite, JavaScript and FlexETL
 * give the same rows as under plain names.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { openSqlite } from '../../targets/sqlite/binding';
import { makeFolder } from '../support/folder';
import { inDuckdb } from '../support/rows';
import { runPipeline } from '../support/run-case';

const PLAIN = ['key', 'number', 'price', 'day', 'note', 'result', 'other', 'third'];

/** Names that an engine could use for itself. */
const SPECIAL = [
  // No key of a pipeline file may be `__proto__`.
  ...Object.getOwnPropertyNames(Object.prototype).filter((name) => name !== '__proto__'),
  ...['prototype', 'length', 'name', 'then', 'toJSON'],
  ...[
    'file_index',
    'file_row_number',
    'filename',
    'rowid',
    '_rowid_',
    'hive_partitioning',
    'generate_series',
  ],
  ...[
    'c0',
    'c1',
    'c2',
    'C0',
    's',
    't',
    'n0',
    'rows',
    'texts',
    'json',
    'rejected',
    'uniform',
    'record',
    'line',
  ],
  ...['flexetl', 'flexetl_c0', 'rows_0', 'rows_1', 'of_rows', 'of_groups', 'column0', 'column00', 'column1'],
  ...[
    'year',
    'sqlite_master',
    'sqlite_rowid',
    'main',
    'temp',
    'excluded',
    'new',
    'old',
    'glob',
    'match',
    'abort',
  ],
  ...['replace', 'rename', 'exclude', 'columns', 'struct', 'key', 'value', 'true', 'null', 'NaN', 'infinity'],
  ...[
    '"',
    "'",
    '`',
    '[',
    ']',
    'a.b',
    '*',
    '?',
    '%',
    ';',
    '--',
    '/*',
    '\\',
    '$1',
    ':a',
    '@a',
    '#',
    '{}',
    '💥',
    'ß',
  ],
];

type Names = (index: number) => string;
type Transformation = Record<string, unknown>;

/** Columns 0 to 4 come from the source, 5 to 7 are made. */
const CHAINS: Record<string, (name: Names) => { transformations: Transformation[]; validation?: object }> = {
  'rows as they are, declared and checked': (name) => ({
    transformations: [],
    validation: {
      schema: {
        [name(0)]: { type: 'string', nullable: false },
        [name(1)]: { type: 'integer' },
        [name(2)]: { type: 'decimal' },
        [name(3)]: { type: 'date' },
      },
      quality_checks: [{ type: 'null_check', columns: [name(0)] }],
    },
  }),
  'filter, derive, sort': (name) => ({
    transformations: [
      { type: 'drop_nulls', columns: [name(1)] },
      { type: 'filter', column: name(1), operator: '>', value: 2 },
      { type: 'derive', columns: { [name(5)]: `col(${quote(name(1))}) * col(${quote(name(2))})` } },
      { type: 'filter', column: name(0), operator: '!=', value: 'b' },
      { type: 'sort', by: [{ column: name(5), order: 'desc' }, name(4)] },
    ],
  }),
  'deduplicate, which keeps the order of records': (name) => ({
    transformations: [{ type: 'deduplicate', columns: [name(0), name(3)], keep: 'last' }],
  }),
  'rename, cast, select': (name) => ({
    transformations: [
      { type: 'rename', columns: { [name(0)]: name(5), [name(4)]: name(0) } },
      { type: 'cast', columns: { [name(1)]: 'string' } },
      { type: 'select', columns: [name(5), name(0), name(1)] },
      { type: 'sort', by: [name(1), name(0)] },
    ],
  }),
  'groups of staged rows, in the order of records': (name) => ({
    transformations: [
      {
        type: 'aggregate',
        group_by: [name(0)],
        aggregations: {
          [name(5)]: `first(col(${quote(name(4))}))`,
          [name(6)]: `last(col(${quote(name(1))}))`,
          [name(7)]: `count_distinct(col(${quote(name(3))}))`,
        },
      },
      { type: 'filter', column: name(7), operator: '>', value: 0 },
    ],
  }),
  'partial groups': (name) => ({
    transformations: [
      { type: 'filter', column: name(1), operator: '>', value: 2 },
      {
        type: 'aggregate',
        group_by: [name(0), name(3)],
        aggregations: {
          [name(1)]: `sum(col(${quote(name(2))}))`,
          [name(6)]: `avg(col(${quote(name(1))}))`,
        },
      },
    ],
  }),
};

const quote = (name: string): string => `"${name.replace(/["\\]/g, '\\$&')}"`;

/** Three files; the last shows that a number has a fraction, so the types become wider. */
function writeSource(dir: string, name: Names): void {
  mkdirSync(join(dir, 'data'));
  const header = [0, 1, 2, 3, 4].map((column) => `"${name(column).replaceAll('"', '""')}"`).join(',');
  for (let file = 0; file < 3; file += 1) {
    const lines = Array.from({ length: 60 }, (_, row) => {
      const price = file === 2 && row === 59 ? '0.125' : row % 7;
      const number = row % 11 === 0 ? '' : (row * 13 + file) % 9;
      return `${'abc'[row % 3]},${number},${price},2026-01-0${1 + (row % 2)},n${file}-${row}`;
    });
    writeFileSync(join(dir, 'data', `${file}.csv`), [header, ...lines, ''].join('\n'));
  }
}

/** The names and rows of the table that a chain makes of columns of these names. */
async function tableOf(
  chain: string,
  names: readonly string[],
): Promise<{ columns: string[]; rows: unknown[] }> {
  const dir = makeFolder();
  const name: Names = (index) => names[index] ?? '';
  writeSource(dir, name);
  const pipeline = {
    name: 'names',
    source: { type: 'csv', path: 'data' },
    ...CHAINS[chain]?.(name),
    targets: [{ type: 'sqlite', database: 'out.db', table: 't', mode: 'replace' }],
  };
  writeFileSync(join(dir, 'pipeline.yaml'), stringify({ version: '1.0', pipeline }));
  await runPipeline(dir);
  const db = openSqlite(join(dir, 'out.db'));
  try {
    const statement = db.prepare('SELECT * FROM t');
    const columns = db
      .prepare('SELECT name, type FROM pragma_table_info(?)')
      .raw(true)
      .all('t') as string[][];
    const rows = statement.raw(true).all();
    return { columns: columns.map(([column, type]) => `${names.indexOf(column ?? '')} ${type}`), rows };
  } finally {
    db.close();
  }
}

describe('names of columns mean nothing', () => {
  it.each(Object.keys(CHAINS))('to %s', async (chain) => {
    const keywords = await inDuckdb((db) => db.all('SELECT keyword_name AS word FROM duckdb_keywords()'));
    const words = keywords.map(({ word }) => String(word));
    expect(words.length).toBeGreaterThan(300);
    const expected = await tableOf(chain, PLAIN);
    expect(expected.rows.length).toBeGreaterThan(2);
    const name = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...SPECIAL) }, fc.constantFrom(...words));
    const selector = (text: string): string => text.toLowerCase();
    const names = fc.uniqueArray(name, { minLength: 8, maxLength: 8, selector });
    await fc.assert(
      fc.asyncProperty(names, async (drawn) => expect(await tableOf(chain, drawn)).toEqual(expected)),
      { numRuns: 7 },
    );
  });

  it.each(['filter, derive, sort', 'deduplicate, which keeps the order of records'])(
    'to %s, not even __proto__',
    async (chain) => {
      const names = PLAIN.map((name, index) => ['__proto__', 'constructor'][index - 3] ?? name);
      expect(await tableOf(chain, names)).toEqual(await tableOf(chain, PLAIN));
    },
  );
});
