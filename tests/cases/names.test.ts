/** Names of users' columns and folders that the engine uses for itself. */
import { join } from 'node:path';
import { makeFolder } from '../support/folder';
import { openCase, type Case } from '../support/run-case';
import { openSqlite } from '../../targets/sqlite/binding';

/** The names and types of the columns of the table. */
function typesOf({ dir }: Case): string[] {
  const db = openSqlite(join(dir, 'out.db'));
  try {
    const sql = "SELECT name || ' ' || type FROM pragma_table_info('t')";
    return db.prepare(sql).pluck().all() as string[];
  } finally {
    db.close();
  }
}

it('a column may be called file_index', async () => {
  const { run, rows } = openCase('column-named-file-index');
  const { read, output } = await run();
  expect([read, output]).toEqual([4, 3]);
  expect(rows()).toEqual([
    [null, 'a', 'first'],
    [null, 'b', 'only'],
    [null, 'c', 'x'],
  ]);
  await run('pipeline-first.yaml');
  expect(rows()).toEqual([
    ['a', 'first', '9'],
    ['b', 'only', '5'],
  ]);
});

it('columns may be called like members of every JavaScript object', async () => {
  const one = openCase('columns-named-like-object-members');
  await one.run();
  expect(one.rows()).toEqual([
    ['1', '10', '1.5', '2026-01-01'],
    ['2', '9', '2.5', '2026-01-02'],
  ]);
  expect(typesOf(one)).toEqual(['id INTEGER', 'valueOf INTEGER', 'toString DECIMAL', 'hasOwnProperty DATE']);
  await one.run('pipeline-max.yaml');
  expect(one.rows()).toEqual([['10', '2.5']]);
  await one.run('pipeline-declared.yaml');
  expect(one.rows()).toHaveLength(2);
});

it('a header may hold the names constructor and prototype', async () => {
  const one = openCase('header-constructor');
  await one.run();
  expect(one.rows()).toEqual([['A', 'Team X', '25']]);
  await one.run('pipeline-parts.yaml');
  expect(one.rows()).toEqual([['1', 'yes']]);
});

const FOLDERS = [
  'year=1999',
  'a[1]',
  'a*b',
  'a?b',
  'a#b',
  'a%20b',
  'two  blanks',
  "it's",
  'a"b',
  'line\nbreak',
  'é{1,2}',
];

describe.each(FOLDERS)('folders named %j are no data and no patterns', (name) => {
  it.each([
    ['project', () => openCase('folder-with-equals-sign', join(makeFolder(), name, 'project')), {}],
    ['staging', () => openCase('folder-with-equals-sign'), { FLEXETL_STAGING_DIR: join(makeFolder(), name) }],
  ])('in the path of the %s', async (_what, open, env) => {
    const one = open();
    await one.run('pipeline.yaml', { env });
    expect(one.rows()).toEqual([
      ['1', '2024'],
      ['2', '2025'],
      ['3', '2025'],
    ]);
    await one.run('pipeline-groups.yaml', { env });
    expect(one.rows()).toEqual([
      ['2024', '1'],
      ['2025', '2'],
    ]);
  });
});
