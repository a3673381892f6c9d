import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../support/folder';
import { runPipeline } from '../support/run-case';

/** How a run of two files ends, of which the second has a text on its third line. */
async function ending(transformations: string): Promise<unknown> {
  const dir = makeFolder();
  mkdirSync(join(dir, 'data'));
  writeFileSync(join(dir, 'data/a.csv'), 'n,v\n1,5\n2,6\n');
  writeFileSync(join(dir, 'data/b.csv'), 'n,v\n3,"7"\n4,x7\n5,8\n');
  writeFileSync(
    join(dir, 'pipeline.yaml'),
    `version: '1.0'\npipeline:\n  name: case\n  source: { type: csv, path: data }\n  transformations: ${transformations}\n  target: { type: sqlite, database: out.db, table: t }\n`,
  );
  return runPipeline(dir).catch((error: unknown) => error);
}

it.each([
  ['a cast', '[{ type: cast, columns: { v: integer } }]', 'v', 'x7'],
  [
    'a cast of a column with another name, after a filter',
    "[{ type: filter, column: n, operator: '>', value: 1 }, { type: rename, columns: { v: w } }, { type: cast, columns: { w: integer } }]",
    'w',
    null,
  ],
  ['a cast before a sort', '[{ type: cast, columns: { v: integer } }, { type: sort, by: [v] }]', 'v', 'x7'],
])('%s that meets a value which does not fit says where it is', async (_, transformations, column, value) => {
  expect(await ending(transformations)).toMatchObject({
    code: 'CAST_FAILED',
    message: `"${column}" holds a string that cannot be cast to integer exactly.`,
    places: [
      { file: 'data/b.csv', line: 3, record: 2, column, value, reason: 'does not fit the type of the cast' },
    ],
  });
});

it('a cast after a step that needs all rows has no place', async () => {
  const steps = '[{ type: sort, by: [n] }, { type: cast, columns: { v: integer } }]';
  expect(await ending(steps)).toMatchObject({
    code: 'CAST_FAILED',
    places: [],
    message: '"v" holds a string that cannot be cast to integer exactly.',
  });
});
