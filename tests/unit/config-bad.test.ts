import fc from 'fast-check';
import { BASE, HEAD, parse, problems } from '../support/pipeline-text';

describe('a bad pipeline file', () => {
  it('is told everything in one pass, each problem with its place', () => {
    expect(
      problems(`version: "2.0"
pipeline:
  source:
    type: csv
    path: 5
    delimeter: ","
  transformations:
    - type: filtre
    - type: filter
      column: quantity
      operator: ">>"
      value: {a: 1}
    - type: aggregate
      group_by: [a]
      aggregations: {x: "sum((a)", y: 3}
    - drop_nulls
  validation:
    schema:
      day: {type: dat, nulable: true}
  target:
    type: sqlite
    table: t
`),
    ).toEqual([
      'configs/sales.yaml:1:10 version: found "2.0", expected "1.0", the only version.',
      'configs/sales.yaml:5:11 pipeline.source.path: found 5, expected a text.',
      'configs/sales.yaml:6:5 pipeline.source.delimeter: unknown key. Did you mean "delimiter"?',
      'configs/sales.yaml:8:13 pipeline.transformations.0.type: unknown type "filtre", expected one of drop_nulls, filter, aggregate. Did you mean "filter"?',
      'configs/sales.yaml:11:17 pipeline.transformations.1.operator: found ">>", expected one of =, >, <, in. Did you mean ">"?',
      'configs/sales.yaml:12:14 pipeline.transformations.1.value: found a section with keys, expected a text or a number or a list.',
      'configs/sales.yaml:15:25 pipeline.transformations.2.aggregations.x: found "sum((a)": a bracket is not closed.',
      'configs/sales.yaml:15:39 pipeline.transformations.2.aggregations.y: found 3, expected a text.',
      'configs/sales.yaml:16:7 pipeline.transformations.3: found "drop_nulls", expected a section with keys.',
      expect.stringContaining(
        'configs/sales.yaml:19:19 pipeline.validation.schema.day.type: unknown column type "dat"',
      ),
      'configs/sales.yaml:19:24 pipeline.validation.schema.day.nulable: unknown key. Did you mean "nullable"?',
      'configs/sales.yaml:20:3 pipeline.target.database: missing, expected a text.',
    ]);
  });

  it.each([
    ['an empty file', '', '1:1 found an empty file, expected version: and pipeline:.'],
    ['a text', 'hello', '1:1 found "hello", expected version: and pipeline:.'],
    ['a list', '- a', '1:1 found a list, expected version: and pipeline:.'],
    [
      'an empty pipeline',
      `${HEAD}pipeline:\n`,
      '2:10 pipeline: found nothing, expected a section with keys.',
    ],
    ['no version', BASE.slice(HEAD.length), '1:1 version: missing, expected version: "1.0".'],
    [
      'no targets',
      `${HEAD}source: {type: csv, path: a}\ntargets: []\n`,
      '3:10 targets: found an empty list, expected at least 1 entry.',
    ],
    ['a merge key', `${BASE}<<: {a: 1}\n`, '4:1 <<: YAML merge keys are not supported. Write the keys out.'],
    [
      'a variable without quotes between braces',
      `${BASE}transformations: [{type: filter, column: n, operator: '>', value: \${MIN}}]\n`,
      'put ${…} in quotes where it is between braces or brackets: {value: "${NAME}"}.',
    ],
    ['a tag', `${BASE}name: !!js/function x\n`, '4:7 found a YAML tag (!…), expected none'],
    ['a duplicate key', `${BASE}version: "1.0"\n`, '4:1 this key is written twice, expected once.'],
    ['a second document', `${BASE}---\na: 1\n`, '4:1 found a second YAML document'],
    ['a syntax error', `${HEAD}source: [a\n`, '3:1 not valid YAML: Flow sequence'],
    ['a YAML 1.1 directive', `%YAML 1.1\n---\n${BASE}`, '1:1 found a %YAML directive'],
    ['a number as a key', `${BASE}1: x\n`, 'found 1 as a key, expected a text'],
    [
      '__proto__',
      `${BASE}validation: {schema: {__proto__: {type: date}}}\n`,
      '4:23 validation.schema.__proto__: this key is not allowed.',
    ],
    [
      'both places of a section',
      `${HEAD}pipeline: {source: {type: csv, path: a}}\n${BASE.slice(HEAD.length)}`,
      '3:1 source: is written twice, also as pipeline.source',
    ],
    ['target and targets', `${BASE}targets: []\n`, '4:1 targets: is written twice, also as target'],
    [
      'a section of a later version',
      `${BASE}dead_letter_queue: {enabled: true}\n`,
      '4:1 dead_letter_queue: unknown key, expected one of version, pipeline',
    ],
    [
      'dask',
      `${BASE}scalability: {processing: {mode: dask}}\n`,
      '4:34 scalability.processing.mode: found "dask", expected standard or chunked. Use chunked with parallel_workers',
    ],
    [
      'a random backoff',
      `${BASE}fault_tolerance: {retry: {backoff_strategy: random}}\n`,
      'found "random", expected one of exponential, linear, constant.',
    ],
    [
      'a fixed backoff',
      `${BASE}fault_tolerance: {retry: {backoff_strategy: fixed}}\n`,
      'Did you mean "constant"?',
    ],
    [
      'a chunk size in standard mode',
      `${BASE}scalability: {processing: {mode: standard, chunk_size: 5}}\n`,
      '4:56 scalability.processing.chunk_size: found 5: has no effect in the mode "standard".',
    ],
    [
      'a chunk of nothing',
      `${BASE}scalability: {processing: {chunk_size: 0}}\n`,
      'found 0, expected at least 1.',
    ],
    [
      'too many workers',
      `${BASE}scalability: {processing: {parallel_workers: 65}}\n`,
      'found 65, expected at most 64.',
    ],
    [
      'a first wait above the longest',
      `${BASE}fault_tolerance: {retry: {initial_backoff_seconds: 61}}\n`,
      'max_backoff_seconds: shorter than initial_backoff_seconds',
    ],
    [
      'a decimal of 39 digits',
      `${BASE}validation: {schema: {a: {type: "decimal(39,2)"}}}\n`,
      'unknown column type "decimal(39,2)"',
    ],
    [
      'a misspelled type, written short',
      `${BASE}validation: {schema: {a: intger}}\n`,
      '4:23 validation.schema.a.type: unknown column type "intger", expected string, integer,',
    ],
    [
      'a number for a column',
      `${BASE}validation: {schema: {a: 3}}\n`,
      '4:26 validation.schema.a: found 3, expected',
    ],
    ['a name that is a path', `${BASE}name: ../b\n`, '4:7 name: found "../b", expected letters, digits'],
    ['a tag with a blank', `${BASE}tags: [a b]\n`, '4:8 tags.0: found "a b", expected letters, digits'],
    [
      'a number that JavaScript rounds',
      `${BASE}scalability: {memory: {limit_mb: 9007199254740993}}\n`,
      '4:34 scalability.memory.limit_mb: found 9007199254740993, which has more digits',
    ],
    [
      'a number that loses its zeros',
      BASE.replace('table: t', 'table: 00012'),
      '3:47 target.table: found 00012: as a number it loses its leading zeros. Put it in quotes.',
    ],
    ['infinity', `${BASE}scalability: {memory: {limit_mb: .inf}}\n`, 'expected a finite number'],
  ])('with %s says so', (_what, text, expected) => {
    const lines = problems(text);
    expect(lines).toEqual(expect.arrayContaining([expect.stringContaining(expected)]));
    for (const line of lines) expect(line).toMatch(/^configs\/sales\.yaml:\d+:\d+ /);
  });

  it('is told of expressions that are wrong whatever the columns are', () => {
    const lines = problems(`${BASE}transformations:
  - type: aggregate
    group_by: [day]
    aggregations:
      a: sum(quantity *
      b: summ(quantity)
      c: sum(lower(if(x, 1, nosuchfunction(y))))
`);
    expect(lines).toEqual([
      expect.stringMatching(
        /^configs\/sales\.yaml:8:10 transformations\.0\.aggregations\.a: .* at character 15 of the expression `sum\(quantity \*`\.$/,
      ),
      'configs/sales.yaml:9:10 transformations.0.aggregations.b: There is no function "summ" here, at character 1 of the expression `summ(quantity)`. Did you mean "sum"?',
      expect.stringContaining('There is no function "nosuchfunction" here, at character 20'),
    ]);
  });

  it.each([
    ['at the top', (keys: string) => BASE + keys],
    ['in a section', (keys: string) => `${BASE}monitoring:\n${keys.replace(/^/gm, '  ').trimEnd()}\n`],
  ])('is told at most 100 problems, and whether there are more: %s', (_where, textOf) => {
    const keys = (count: number): string =>
      Array.from({ length: count }, (_, index) => `unknown_${index}: 1\n`).join('');
    for (const count of [101, 1000]) {
      const lines = problems(textOf(keys(count)));
      expect(lines).toHaveLength(101);
      expect(lines[0]).toContain('unknown_0: unknown key');
      expect(lines[100]).toBe('configs/sales.yaml: more problems follow; the first 100 are shown.');
    }
    const all = problems(textOf(keys(100)));
    expect(all).toHaveLength(100);
    expect(all[99]).toContain('unknown_99: unknown key');
  });

  it('is told of a key that is there twice, wherever it is', () => {
    const text = `${BASE}monitoring:\n  logging: {level: INFO, level: INFO}\nmonitoring: {}\n`;
    expect(problems(text).sort()).toEqual([
      'configs/sales.yaml:5:26 this key is written twice, expected once.',
      'configs/sales.yaml:6:1 this key is written twice, expected once.',
    ]);
  });

  it('is told where two targets are one', () => {
    const target = '{type: sqlite, database: a.db, table: t}';
    const text = `${HEAD}source: {type: csv, path: a}\ntargets:\n  - ${target}\n  - ${target}\n`;
    expect(problems(text)).toEqual([
      'configs/sales.yaml:5:5 targets.1: writes to a.db#t, as targets.0 does, expected another place.',
    ]);
  });

  it('is told of a target whose values do not fit, and of nothing else', () => {
    const text = `${HEAD}source: {type: csv, path: a}\ntarget: {type: sqlite, database: "", table: t}\n`;
    expect(problems(text)).toEqual([expect.stringMatching(/^configs\/sales\.yaml:3:\d+ target\.database: /)]);
  });

  it('gets one line of advice', () => {
    expect(() => parse('')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('docs/configuration.md') }),
    );
  });

  it('is found out by name when it is called otherwise', () => {
    expect(problems(`${BASE}name: sales\n`, { expectedName: 'revenue' })).toEqual([
      'configs/sales.yaml:4:7 name: found "sales", expected "revenue": a pipeline in configs/ has the name of its file.',
    ]);
  });
});

describe('a hostile pipeline file', () => {
  it.each([
    ['larger than a megabyte', `#${'x'.repeat(1024 * 1024)}`, 'larger than 1048576 bytes'],
    ['full of aliases of aliases', bombText(), 'more than 50 YAML aliases'],
    ['an alias of itself', 'a: &a [*a]\n', 'more than 50 YAML aliases'],
    ['a deep flow', `a: ${'['.repeat(200_000)}`, 'nested deeper than 64 levels'],
    ['a deep list on one line', `a:\n${'- '.repeat(5000)}b\n`, 'nested deeper than 64 levels'],
    [
      'a deep indentation',
      Array.from({ length: 1100 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      'nested deeper',
    ],
  ])('%s is refused', (_what, text, expected) => {
    expect(problems(text).join('\n')).toContain(expected);
  });

  it('cannot change the prototype of anything', () => {
    problems(`${BASE}__proto__: {polluted: true}\nconstructor: {prototype: {polluted: true}}\n`);
    problems(BASE, { overrides: ['__proto__.polluted=true', 'constructor.prototype.polluted=true'] });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('of any text gives a pipeline or a CONFIG_INVALID with places', () => {
    const pieces = fc.constantFrom(
      ...[
        'version: "1.0"',
        'pipeline:',
        'source:',
        '  ',
        '\n',
        '- ',
        '{',
        '}',
        '[',
        ']',
        ': ',
        '&a',
        '*a',
        '!!x',
      ],
      ...[
        '"',
        "'",
        '|',
        '>',
        '#',
        '${',
        '}',
        '$$',
        '${A:-1}',
        '? ',
        '<<',
        '\t',
        'é',
        '%',
        '---',
        '...',
        '\u0000',
      ],
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        for (const line of problems(parts.join(''))) expect(line).toMatch(/^configs\/sales\.yaml:\d+:\d+ /);
      }),
      { numRuns: 500 },
    );
  });
});

function bombText(): string {
  const levels = 'abcdefghi'.split('');
  return levels
    .map((name, index) => {
      const before = levels[index - 1];
      return `${name}: &${name} [${before ? Array(9).fill(`*${before}`).join(', ') : 'x, x, x'}]`;
    })
    .join('\n');
}
