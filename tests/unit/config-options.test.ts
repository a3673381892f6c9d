/** Options that say what they are, in a plugin that nobody knows by name. */
import { z } from 'zod';
import { renderReferenceDocs } from '../../build/reference-docs';
import { buildJsonSchema } from '../../pipeline/config/json-schema';
import type { Plugins } from '../../pipeline/config/schema';
import { aggregation, expression, kindOfOption, path, secret } from '../../plugin/options';
import { FAKE_PLUGINS } from '../support/fake-plugins';
import { HEAD, parse, problems } from '../support/pipeline-text';

const options = z.strictObject({
  token: secret().describe('The key to the door.'),
  spare: secret().optional().describe('Another one.'),
  headers: z.record(z.string(), z.union([z.string(), secret()])).optional(),
  when: expression().optional().describe('A condition.'),
  columns: z.record(z.string(), expression()).default({}).describe('Expressions by column.'),
  rules: z.array(z.strictObject({ check: expression() })).optional(),
  totals: z.record(z.string(), aggregation()).optional().describe('Aggregates by column.'),
  folder: path().default('output').describe('Where it goes.'),
});

const [transform, source] = [FAKE_PLUGINS.transforms[0], FAKE_PLUGINS.sources[0]];
if (!transform || !source) throw new Error('There are fake plugins.');
const plugins: Plugins = {
  ...FAKE_PLUGINS,
  sources: [...FAKE_PLUGINS.sources, { ...source, type: 'vault', description: 'A vault.', options }],
  transforms: [...FAKE_PLUGINS.transforms, { ...transform, type: 'any', description: 'Any.', options }],
};

const TARGET = 'target: {type: sqlite, database: a.db, table: t}\n';
const withSource = (text: string): string => `${HEAD}source: {type: vault, ${text}}\n${TARGET}`;
const withStep = (text: string): string =>
  `${withSource('token: {secret: KEY}')}transformations: [{type: any, token: {secret: KEY}, ${text}}]\n`;
const said = (text: string, env: Record<string, string> = {}, overrides: string[] = []): string[] =>
  problems(text, { env, overrides, plugins });

describe('the kind of an option', () => {
  it.each([
    ['secret', secret().optional().describe('x')],
    ['secret', secret().nullable().default(null)],
    ['expression', expression().min(3).describe('x').optional()],
    ['aggregation', aggregation().refine(() => true)],
    ['path', path().default('a').describe('x')],
    [undefined, z.string().describe('x')],
    [undefined, z.record(z.string(), expression())],
  ])('is %s, whatever is wrapped around it', (kind, field) => {
    expect(kindOfOption(field)).toBe(kind);
  });
});

describe('a column of validation.schema', () => {
  it('may be written as its type alone', () => {
    const text = `${withSource('token: {secret: KEY}')}validation: {schema: {"*": string, n: {type: integer}}}\n`;
    const { schema } = parse(text.replace('{type: integer}', 'integer'), { plugins }).validation;
    expect(schema).toEqual(parse(text, { plugins }).validation.schema);
    expect(schema).toEqual({
      '*': { type: 'string', nullable: true },
      n: { type: 'integer', nullable: true },
    });
    const { definitions } = buildJsonSchema(plugins);
    expect(definitions?.validation?.properties?.schema?.additionalProperties).toMatchObject({
      anyOf: [{ type: 'string' }, { type: 'object', properties: { type: { type: 'string' } } }],
    });
  });
});

describe('a secret', () => {
  it('stands in the file by name', () => {
    const config = parse(withSource('token: {secret: KEY}, headers: {a: {secret: B}, c: d}'), { plugins });
    expect(config.source.options).toMatchObject({
      token: { secret: 'KEY' },
      headers: { a: { secret: 'B' }, c: 'd' },
    });
  });

  it.each([
    ['token: hunter2'],
    ['token: 42'],
    ['token: [hunter2]'],
    ['token: {secret: "hunter2 "}'],
    ['token: {secret: KEY}, spare: hunter2'],
  ])('is refused as a value, which is not shown: %s', (text) => {
    const lines = said(withSource(text));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^configs\/sales\.yaml:2:\d+ source\.(token|spare)(\.secret)?: found /);
    expect(lines[0]).not.toContain('hunter2');
    expect(lines[0]).toMatch(/expected (\{secret: NAME\}: a secret is never|the name of an environment)/);
  });

  it.each([
    ['token: "${KEY}"'],
    ['token: "x${KEY:-hunter2}"'],
    ['token: {secret: "${KEY}"}'],
    ['token: {secret: "${UNSET}"}'],
    ['token: {secret: KEY}, headers: {a: {secret: "${KEY}"}}'],
  ])('is refused as a value from the environment: %s', (text) => {
    const lines = said(withSource(text), { KEY: 'hunter2' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^configs\/sales\.yaml:2:\d+ source\.\S+: found "\$\{…\}", expected \{secret: NAME\}/,
    );
    expect(lines[0]).not.toContain('hunter2');
  });

  it('may be named by --set in the place of a value from the environment, and not be given', () => {
    const text = withSource('token: "${KEY}"');
    expect(said(text, { KEY: 'x' }, ['source.token={secret: OTHER}'])).toEqual([]);
    expect(said(text, { KEY: 'x' }, ['source.token=hunter2'])).toEqual([
      expect.stringMatching(/^--set source\.token: found a value, expected \{secret: NAME\}/),
    ]);
  });

  it('that is missing is told as any other option', () => {
    expect(said(withSource('folder: a'))).toEqual([
      expect.stringContaining('source.token: missing, expected'),
    ]);
    expect(said(withSource('token: {value: hunter2}'))).toEqual([
      expect.stringContaining('source.token.secret: missing, expected a text.'),
      expect.stringContaining('source.token.value: unknown key, expected one of secret.'),
    ]);
  });
});

describe('an expression', () => {
  it.each([
    ['when: "a +"', 'transformations.0.when: '],
    ['columns: {a: b, c: "nosuch(a)"}', 'transformations.0.columns.c: There is no function "nosuch" here'],
    ['columns: {c: sum(a)}', 'transformations.0.columns.c: There is no function "sum" here'],
    ['rules: [{check: a}, {check: "(a"}]', 'transformations.0.rules.1.check: '],
    ['totals: {c: "nosuch(a)"}', 'transformations.0.totals.c: There is no function "nosuch" here'],
  ])('is checked wherever it stands: %s', (text, says) => {
    expect(said(withStep(text))).toEqual([expect.stringContaining(says)]);
  });

  it('may hold aggregates where they are asked for', () => {
    expect(said(withStep('when: a > 1, totals: {c: sum(a)}'))).toEqual([]);
  });

  it('is checked in a source, too', () => {
    expect(said(withSource('token: {secret: KEY}, when: "a +"'))).toEqual([
      expect.stringContaining('source.when: '),
    ]);
  });
});

describe('options that say what they are', () => {
  it('are shown as that in the reference', () => {
    const docs = renderReferenceDocs(plugins, 'version: "1.0"');
    expect(docs).toContain('| `token` | secret: `{secret: NAME}` | **required** | The key to the door. |');
    expect(docs).toContain('| `spare` | secret: `{secret: NAME}` |  | Another one. |');
    expect(docs).toContain('| `when` | expression |  | A condition. |');
    expect(docs).toContain('| `columns` | name: expression |  | Expressions by column. |');
    expect(docs).toContain('| `totals` | name: expression with aggregates |  | Aggregates by column. |');
    expect(docs).toContain('| `folder` | path | `"output"` | Where it goes. |');
  });

  it('have it as their title in the JSON Schema', () => {
    const vault = buildJsonSchema(plugins).definitions?.source?.oneOf?.at(-1)?.properties;
    expect(vault?.token).toMatchObject({
      title: 'secret',
      type: 'object',
      required: ['secret'],
      additionalProperties: false,
    });
    expect(vault?.folder).toMatchObject({ title: 'path', type: 'string', default: 'output' });
    expect(JSON.stringify(vault)).not.toContain('"flexetl"');
  });
});
