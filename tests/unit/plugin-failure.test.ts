/** Transforms and checks of a user's own whose code or SQL is wrong: named, bounded, and not tried again. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { createSecrets, hideSecrets } from '../../runtime/secrets';
import { makeFolder } from '../support/folder';
import { runPipeline } from '../support/run-case';

const ZOD = JSON.stringify(require.resolve('zod'));
const transform = (members: string): string => `const { z } = require(${ZOD});
exports.mine = { type: 'mine', description: 'Mine.', options: z.strictObject({}),
  plan: (options, schema) => ({ schema, scope: 'row', columnsRead: (outputs) => outputs, ${members} }) };`;
const check = (members: string): string => `const { z } = require(${ZOD});
exports.mine = { type: 'mine', description: 'Mine.', options: z.strictObject({}), compile: () => [{ ${members} }] };`;

/** Runs a pipeline of two integers and a text with a plugin as a step or as a check. */
async function failureOf(kind: 'transformations' | 'validation', module: string): Promise<FlexetlError> {
  const dir = makeFolder();
  mkdirSync(join(dir, 'data'));
  writeFileSync(join(dir, 'data/in.csv'), 'n,s\n1,secret value\n2,b\n');
  writeFileSync(join(dir, 'mine.js'), module);
  const use =
    kind === 'validation'
      ? 'validation: { quality_checks: [{ type: mine }] }'
      : 'transformations: [{ type: mine }]';
  writeFileSync(
    join(dir, 'pipeline.yaml'),
    `version: '1.0'\npipeline:\n  name: case\n  plugins: ['./mine.js']\n  source: { type: csv, path: data/in.csv }\n  ${use}\n  target: { type: sqlite, database: out.db, table: t }\n`,
  );
  const error = await runPipeline(dir).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof FlexetlError)) throw new Error(`Expected a FlexetlError, found ${String(error)}`);
  expect([error.code, error.retryable]).toEqual(['PLUGIN_FAILED', false]);
  return error;
}

it.each([
  [
    'names a column that is not there',
    'select: (input) => `SELECT nme FROM ${input}`',
    /Binder Error: Referenced column "nme" not found/,
  ],
  ['is no SQL', "select: () => 'SELEC 1'", /Parser Error/],
  [
    'lacks a column of its schema',
    'select: (input) => `SELECT n FROM ${input}`',
    /its SELECT lacks the column "s" of its schema/,
  ],
  ['throws', "select: () => { throw new Error('no luck'); }", /no luck/],
  [
    'fails for a row',
    'select: (input, there) => `SELECT * REPLACE (CAST(CAST(s AS INTEGER) AS VARCHAR) AS s) FROM ${input}`',
    /Conversion Error/,
  ],
])('the SQL of a transform that %s', async (_, members, message) => {
  const error = await failureOf('transformations', transform(members));
  expect(error.message).toMatch(/^transformations\.0: mine failed: /);
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain('secret value');
});

it('a transform whose plan throws, with a text of any length', async () => {
  const error = await failureOf(
    'transformations',
    transform("get select() { throw new TypeError('x'.repeat(5000)); }")
      .replace('=> ({', '=> { const a = {')
      .replace('}) };', '}; a.select; return { ...a }; } };'),
  );
  expect(error.message).toMatch(/^transformations\.0: mine failed: xxx/);
  expect(error.message.length).toBeLessThan(LIMITS.pluginMessageCharsMax + 100);
});

it.each([
  [
    'the SQL of a row check',
    `scope: 'row', column: 'n', fails: '"m" > 1', reason: 'r'`,
    /^validation\.quality_checks\.0: mine failed: Binder Error/,
  ],
  [
    'the SQL of a row check that fails for a row',
    `scope: 'row', column: 's', fails: 'CAST(s AS INTEGER) > 1', reason: 'r'`,
    /^validation\.quality_checks\.0: mine failed: Conversion Error/,
  ],
  [
    'the SQL of a dataset check',
    `scope: 'dataset', columns: ['n'], measure: { a: 'summ("n")' }, read: () => 1, merge: () => 1, empty: 0, verdict: () => ({ status: 'passed', failing_rows: 0 })`,
    /^validation\.quality_checks\.0: mine failed: Catalog Error/,
  ],
  [
    'the verdict of a dataset check',
    `scope: 'dataset', columns: ['n'], measure: { a: 'sum("n")' }, read: () => 1, merge: () => 1, empty: 0, verdict: () => { throw new Error('no verdict'); }`,
    /^The check mine failed: no verdict/,
  ],
])('%s', async (_, members, message) => {
  const error = await failureOf('validation', check(members));
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain('secret value');
});

it('a secret that a plugin was given is cut out of what it throws', async () => {
  const secret = await createSecrets({ TOKEN: 'hush-hush' })('TOKEN');
  const error = new Error(`401 for hush-hush`, { cause: new Error(`Bearer ${secret}`) });
  hideSecrets(error);
  expect([error.message, String((error.cause as Error).message)]).toEqual([
    '401 for [secret]',
    'Bearer [secret]',
  ]);
  expect(error.stack).not.toContain('hush-hush');
});
