/** An error of an expression while rows are transformed says in which step. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../support/folder';
import { runPipeline } from '../support/run-case';

const DERIVE = (text: string): string => `{ type: derive, columns: { x: '${text}' } }`;

it.each([
  [
    [DERIVE('n + 1'), DERIVE('n / m')],
    'DIVISION_BY_ZERO',
    /^transformations\.1 \(derive\): A divisor is zero/,
  ],
  [
    [
      DERIVE('n / (m + 1)'),
      "{ type: filter, column: n, operator: '>', value: 0 }",
      "{ type: derive, columns: { y: 'n / m' } }",
    ],
    'DIVISION_BY_ZERO',
    /^transformations\.0 \(derive\) or transformations\.2 \(derive\): A divisor is zero/,
  ],
  [
    ["{ type: aggregate, aggregations: { total: 'sum(n * 9000000000000000000)' } }"],
    'VALUE_OVERFLOW',
    /^transformations\.0 \(aggregate\): /,
  ],
])('%j', async (steps, code, message) => {
  const dir = makeFolder();
  mkdirSync(join(dir, 'data'));
  const big = '9'.repeat(19);
  writeFileSync(
    join(dir, 'data/in.csv'),
    `n,m\n1,1\n${code === 'VALUE_OVERFLOW' ? `${big},1\n`.repeat(3) : '2,0\n'}`,
  );
  writeFileSync(
    join(dir, 'pipeline.yaml'),
    `version: '1.0'\npipeline:\n  name: case\n  source: { type: csv, path: data/in.csv }\n  transformations: [${steps.join(', ')}]\n  target: { type: sqlite, database: out.db, table: t }\n`,
  );
  await expect(runPipeline(dir)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
});
