import fc from 'fast-check';
import { interpolate } from '../../pipeline/config/interpolate';
import type { PipelineConfig } from '../../pipeline/config/schema';
import { parse, problems } from '../support/pipeline-text';

const BASE = `version: "1.0"
pipeline:
  source: {type: csv, path: a.csv}
  target: {type: sqlite, database: a.db, table: t}
`;

const withPath = (path: string): string => BASE.replace('a.csv', () => path);
const pathOf = (config: PipelineConfig): unknown => config.source.options.path;

describe('values from the environment', () => {
  it.each([
    ['"${DIR}/a.csv"', '/data/a.csv'],
    ['"${NONE:-b}.csv"', 'b.csv'],
    ['"${EMPTY:-b}.csv"', 'b.csv'],
    ['"${EMPTY}x"', 'x'],
    ['"${DIR:?no folder}"', '/data'],
    ['"$$HOME and $5 and $"', '$HOME and $5 and $'],
    ['"$${DIR}"', '${DIR}'],
    ['"${TRICK}"', '${DIR} $$'],
    ['"${NUMBER}"', '5'],
  ])('%s is %s', (written, expected) => {
    const env = { DIR: '/data', EMPTY: '', TRICK: '${DIR} $$', NUMBER: '5' };
    expect(pathOf(parse(withPath(written), { env }))).toBe(expected);
  });

  it('are numbers and booleans where the whole unquoted value is one', () => {
    const text = `${BASE}  scalability:
    processing:
      chunk_size: \${N}
    memory:
      spill_to_disk: \${SPILL:-false}
`;
    const config = parse(text, { env: { N: '1000' } });
    expect(config.scalability.processing.chunk_size).toBe(1000);
    expect(config.scalability.memory.spill_to_disk).toBe(false);
    expect(problems(text, { env: { N: 'many' } })).toEqual([
      'configs/sales.yaml:7:19 pipeline.scalability.processing.chunk_size: found ${N}, expected a number.',
    ]);
    expect(problems(text, { env: { N: '007' } })[0]).toContain('as a number it loses its leading zeros');
  });

  it('are errors with variable and place where they are missing or badly written', () => {
    expect(problems(withPath('"${NONE}"'))).toEqual([
      'configs/sales.yaml:3:29 pipeline.source.path: the environment variable NONE is not set. Set it, or give a default: ${NONE:-…}',
    ]);
    expect(problems(withPath('"${NONE:?the folder of the shop}"'))[0]).toContain(
      'NONE is not set: the folder of the shop.',
    );
    expect(problems(withPath('"${NONE"'))[0]).toContain('found "${" without "}"');
    expect(problems(withPath('"${no-such}"'))[0]).toContain('expected ${NAME}, ${NAME:-default}');
    expect(problems(withPath('"${toString}"'))[0]).toContain('toString is not set');
  });

  it('are not looked for in keys and comments', () => {
    const text = `${BASE}  # \${NONE}\n  validation: {schema: {"\${NONE}": {type: date}}}\n`;
    expect(Object.keys(parse(text).validation.schema)).toEqual(['${NONE}']);
  });

  it('do not show in messages', () => {
    const text = `${BASE}  monitoring: {logging: {level: "\${SECRET}"}}\n`;
    const [line] = problems(text, { env: { SECRET: 'hunter2' } });
    expect(line).toContain('found ${SECRET}, expected one of DEBUG, INFO');
    expect(line).not.toContain('hunter2');
  });

  it('leave every text without a dollar as it is, and put in any value unread', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const plain = text.replaceAll('$', '');
        expect(interpolate(plain, {}).text).toBe(plain);
        expect(interpolate(text.replaceAll('$', '$$$$'), {}).text).toBe(text);
        expect(interpolate('<${V}>', { V: text }).text).toBe(`<${text}>`);
      }),
    );
  });
});

describe('--set', () => {
  it('changes values before they are checked', () => {
    const config = parse(BASE, {
      overrides: [
        'source.path=b.csv',
        'source.delimiter=|',
        'targets.0.table=u',
        'target.mode=append',
        'scalability.processing.chunk_size=1000',
        'transformations=[{type: drop_nulls, columns: [a, b]}]',
        'validation.schema.a.nullable=false',
        'name="5"',
      ],
    });
    expect(config.source.options).toMatchObject({ path: 'b.csv', delimiter: '|' });
    expect(config.targets[0]?.options).toEqual({ database: 'a.db', table: 'u', mode: 'append' });
    expect(config.scalability.processing).toEqual({ mode: 'chunked', chunk_size: 1000 });
    expect(config.transformations).toEqual([{ type: 'drop_nulls', options: { columns: ['a', 'b'] } }]);
    expect(config.validation.schema).toEqual({ a: { nullable: false } });
    expect(config.name).toBe('5');
  });

  it('replaces a value that could not be read', () => {
    expect(pathOf(parse(withPath('"${NONE}"'), { overrides: ['source.path=b.csv'] }))).toBe('b.csv');
  });

  it('may have variables, in texts, lists and expressions', () => {
    const { name, source, transformations } = parse(BASE, {
      env: { FILE: 'b.csv', RATE: '1.19', MIN: '3' },
      overrides: [
        'source.path=data/${FILE}',
        'source.delimiter=${NONE:-;}',
        'transformations=[{type: aggregate, group_by: [a], aggregations: {gross: "sum(a * ${RATE})"}}, {type: filter, column: a, operator: ">", value: "${MIN}"}]',
        'transformations.1.value=${MIN}',
        'name="${MIN}"',
      ],
    });
    expect(name).toBe('3');
    expect(source.options).toMatchObject({ path: 'data/b.csv', delimiter: ';' });
    expect(transformations.map(({ options }) => options)).toMatchObject([
      { aggregations: { gross: 'sum(a * 1.19)' } },
      { value: 3 },
    ]);
  });

  it('shows variables in errors as they were written', () => {
    const overrides = ['target.mode=${MODE}', 'source.path=${NONE}', 'target.table=$${X}'];
    const lines = problems(BASE, { env: { MODE: 'hunter2' }, overrides }).join('\n');
    expect(lines).toContain('--set target.mode: found ${MODE}, expected');
    expect(lines).toContain('--set source.path: the environment variable NONE is not set.');
    expect(lines).not.toContain('hunter2');
  });

  it('is named in its errors', () => {
    const lines = problems(BASE, {
      overrides: [
        'foo',
        'target.mode={a',
        'target.table=5',
        'source.delimter=,',
        'source.path.x=1',
        'soure.path=3',
        'targets.3.table=x',
        'scalability.processing.parallel_workers=many',
        'transformations=[{type: filter}]',
      ],
    });
    expect(lines.sort()).toEqual(
      [
        '--set foo: expected key=value, as in source.path=data/sales.csv.',
        '--set target.mode: not a valid value: Flow map must end with a }.',
        '--set target.table: found 5, expected a text.',
        '--set source.delimter: unknown key. Did you mean "delimiter"?',
        '--set source.path.x: source.path is "a.csv", which has no keys.',
        '--set soure.path: unknown key. Did you mean "source"?',
        '--set targets.3.table: "3" is not an entry of a list of 1; the first entry is 0.',
        '--set scalability.processing.parallel_workers: found "many", expected a number.',
        '--set transformations pipeline.transformations.0.column: missing, expected a text.',
        '--set transformations pipeline.transformations.0.operator: missing, expected one of =, >, <, in.',
        '--set transformations pipeline.transformations.0.value: missing, expected a text or a number or a list.',
      ].sort(),
    );
  });
});
