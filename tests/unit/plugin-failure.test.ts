/** Plugins of a user's own whose code or SQL is wrong: named with their file, bounded, and tried again only where that can help. */
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

const source = (members: string): string => `const { z } = require(${ZOD});
exports.mine = Object.freeze({ kind: 'records', type: 'mine', description: 'Mine.', options: z.strictObject({}), ${members} });`;
const target = (members: string): string => `const { z } = require(${ZOD});
const open = { async check() {}, async begin() { return { answer: 'fresh' }; }, async load(_, { rows }) { return { rows }; }, async discard() {} };
exports.mine = { type: 'mine', description: 'Mine.', options: z.strictObject({}), capabilities: { modes: ['append'], lane: 'rows' },
  name: () => 'mine', place: () => ({ name: 'mine' }), mode: () => 'append', writing: () => ({}), guarantee: () => 'None.', ${members} };`;

type Section = 'source' | 'target' | 'transformations' | 'validation';

const USES: Record<Section, string> = {
  source: 'source: { type: mine }',
  target: 'target: { type: mine }',
  transformations: 'transformations: [{ type: mine }]',
  validation: 'validation: { quality_checks: [{ type: mine }] }',
};

/** Runs a pipeline of two integers and a text with a plugin in one of its sections. */
async function errorOf(section: Section, module: string): Promise<FlexetlError> {
  const dir = makeFolder();
  mkdirSync(join(dir, 'data'));
  writeFileSync(join(dir, 'data/in.csv'), 'n,s\n1,secret value\n2,b\n');
  writeFileSync(join(dir, 'mine.js'), module);
  const sections = {
    source: 'source: { type: csv, path: data/in.csv }',
    target: 'target: { type: sqlite, database: out.db, table: t }',
    [section]: USES[section],
  };
  writeFileSync(
    join(dir, 'pipeline.yaml'),
    `version: '1.0'\npipeline:\n  name: case\n  plugins: ['./mine.js']\n  ${Object.values(sections).join('\n  ')}\n`,
  );
  const error = await runPipeline(dir).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof FlexetlError)) throw new Error(`Expected a FlexetlError, found ${String(error)}`);
  return error;
}

async function failureOf(section: Section, module: string): Promise<FlexetlError> {
  const error = await errorOf(section, module);
  expect([error.code, error.retryable]).toEqual(['PLUGIN_FAILED', false]);
  return error;
}

describe('a source or target, which another attempt may find well,', () => {
  it.each<[string, Section, string, string]>([
    [
      'a source that throws',
      'source',
      source("async *read() { throw new Error('no luck'); }"),
      'read of the source',
    ],
    ['a source without pages', 'source', source('read() { return undefined.pages; }'), 'read of the source'],
    [
      'a target that throws when it is opened',
      'target',
      target("open() { throw new Error('no luck'); }"),
      'open of the target',
    ],
    [
      'a target that fails in load',
      'target',
      target("open: () => ({ ...open, async load() { throw new Error('no luck'); } })"),
      'load of the target',
    ],
    [
      'a target that is a class',
      'target',
      target("open: () => new (class { #why = 'no luck'; async check() { throw new Error(this.#why); } })()"),
      'check of the target',
    ],
  ])('%s is named with its file', async (_, section, module, where) => {
    const error = await errorOf(section, module);
    expect([error.code, error.retryable]).toEqual(['PLUGIN_FAILED', true]);
    expect(error.message).toMatch(
      new RegExp(`^${where} mine \\(\\./mine\\.js\\) failed: (no luck|Cannot read)`),
    );
  });

  it('may say that no attempt can help, also with its own copy of FlexETL', async () => {
    const other = `Object.assign(new Error('There is no shop 7.'), { name: 'FlexetlError', code: 'SOURCE_MISSING', hint: 'Ask.' })`;
    const error = await errorOf('source', source(`async *read() { throw ${other}; }`));
    expect(error).toMatchObject({
      code: 'SOURCE_MISSING',
      message: 'There is no shop 7.',
      hint: 'Ask.',
      retryable: false,
    });
  });
});

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
  expect(error.message).toMatch(/^transformations\.0: mine \(\.\/mine\.js\) failed: /);
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
  expect(error.message).toMatch(/^transformations\.0: mine \(\.\/mine\.js\) failed: xxx/);
  expect(error.message.length).toBeLessThan(LIMITS.pluginMessageCharsMax + 100);
});

it.each([
  [
    'the SQL of a row check',
    `scope: 'row', column: 'n', fails: '"m" > 1', reason: 'r'`,
    /^validation\.quality_checks\.0: mine \(\.\/mine\.js\) failed: Binder Error/,
  ],
  [
    'the SQL of a row check that fails for a row',
    `scope: 'row', column: 's', fails: 'CAST(s AS INTEGER) > 1', reason: 'r'`,
    /^validation\.quality_checks\.0: mine \(\.\/mine\.js\) failed: Conversion Error/,
  ],
  [
    'the SQL of a dataset check',
    `scope: 'dataset', columns: ['n'], measure: { a: 'summ("n")' }, read: () => 1, merge: () => 1, empty: 0, verdict: () => ({ status: 'passed', failing_rows: 0 })`,
    /^validation\.quality_checks\.0: mine \(\.\/mine\.js\) failed: Catalog Error/,
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
