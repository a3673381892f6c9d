import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildJsonSchema } from '../../pipeline/config/json-schema';
import { renderReferenceDocs } from '../../build/reference-docs';
import { FAKE_PLUGINS as plugins } from '../support/fake-plugins';

const example = readFileSync(join(__dirname, '../../configs/sales.yaml'), 'utf8');

describe('the JSON Schema of pipeline files', () => {
  const schema = buildJsonSchema(plugins);

  it('offers every section under pipeline and at the top level', () => {
    const sections = ['name', 'source', 'transformations', 'validation', 'target', 'targets'];
    const inner = Object.keys(schema.properties?.pipeline?.properties ?? {});
    expect(inner).toEqual(expect.arrayContaining(sections));
    expect(Object.keys(schema.properties ?? {})).toEqual(expect.arrayContaining([...sections, 'version']));
    expect(Object.keys(schema.definitions ?? {}).sort()).toEqual([...inner].sort());
  });

  it('knows the options of every plugin, told apart by type', () => {
    const variants = schema.definitions?.source?.oneOf ?? [];
    expect(variants.map((variant) => variant.properties?.type?.const)).toEqual(['csv', 'lines']);
    expect(variants[0]).toMatchObject({
      description: 'Reads csv.',
      required: ['path', 'type'],
      additionalProperties: false,
      properties: { path: { type: 'string', description: 'A file.' } },
    });
  });

  it('lets a variable stand for a number, a boolean or a choice', () => {
    const csv = schema.definitions?.source?.oneOf?.[0];
    const variable = { type: 'string', pattern: '\\$\\{' };
    expect(csv?.properties?.header).toEqual({
      description: 'Whether there is one.',
      default: true,
      anyOf: [{ type: 'boolean' }, variable],
    });
    expect(csv?.properties?.skip_rows?.anyOf).toEqual([{ type: 'integer', minimum: 0 }, variable]);
  });
});

describe('the configuration reference', () => {
  const docs = renderReferenceDocs(plugins, example);

  it('has a heading for every section and plugin', () => {
    const headings = docs.split('\n').filter((line) => /^##/.test(line));
    expect(headings).toEqual(
      expect.arrayContaining([
        '## source',
        '### source: csv',
        '### transform: aggregate',
        '### target: sqlite',
        '## fault_tolerance',
        '## monitoring',
      ]),
    );
  });

  it('tells type, default and description of every key', () => {
    expect(docs).toContain('| `path` | text | **required** | A file. |');
    expect(docs).toContain('| `skip_rows` | whole number, at least 0 | `0` | Lines before the header. |');
    expect(docs).toMatch(/\| `retry\.max_attempts` \| whole number, 1 to 100 \| `3` \| \S/);
    expect(docs).toMatch(/\| `schema\.<column>\.nullable` \| boolean \| `true` \| \S/);
    expect(docs).toContain('| `replace` | Guarantee of replace. |');
    expect(docs).toContain('product_name: first(product_name)');
  });
});
