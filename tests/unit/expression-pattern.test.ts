import fc from 'fast-check';
import { parsePipelineText } from '../../pipeline/config/parse';
import { compileExpression } from '../../pipeline/expression';
import { explainPattern } from '../../pipeline/expression/pattern';
import { literal } from '../../pipeline/sql';
import { STRING } from '../../pipeline/types';
import { PLUGINS } from '../../worker/plugins';
import { inDuckdb } from '../support/rows';

const pieces = fc.constantFrom(
  ...[
    'a',
    'b',
    '.',
    '^',
    '$',
    '|',
    '(',
    ')',
    '(?:',
    '(?i)',
    '(?i:',
    '(?P<n>',
    '[ab]',
    '[^a-c]',
    '[]a]',
    '[[:alpha:]]',
  ],
  ...[
    '*',
    '+',
    '?',
    '{2}',
    '{2,}',
    '{1,3}',
    '{3,1}',
    '{1001}',
    '{',
    '{,2}',
    '\\1',
    '\\12',
    '\\_',
    '\\ ',
    '\\C',
    '\\d',
    '\\.',
    '\\pL',
    '\\p{Greek}',
    '\\x41',
  ],
  ...['\\Q(\\E', '[z-a]', '[', ']', '\\', '\\j', '-', 'é', '🙂', '[\\d-]', '[a', '\\b', '\\z'],
);

describe('a regular expression', () => {
  it('is good exactly where DuckDB takes it', async () => {
    await inDuckdb(async (db) => {
      await fc.assert(
        fc.asyncProperty(fc.array(pieces, { maxLength: 5 }), async (parts) => {
          const pattern = parts.join('');
          const error = await db.run(`SELECT regexp_matches('a', ${literal(pattern)})`).then(
            () => undefined,
            (failure: Error) => failure.message.split('\n')[0],
          );
          const problem = explainPattern(pattern);
          if ((problem === undefined) !== (error === undefined))
            throw new Error(`${pattern}: DuckDB says ${error}, we say ${problem}`);
        }),
        { numRuns: 1000 },
      );
    });
  });

  it.each([
    ['a**', 'repeats a repetition with *'],
    ['(+)', 'repeats nothing with +'],
    ['a{3,1}', 'has the repetition {3,1}, whose minimum is above its maximum'],
    ['a{1001}', 'repeats more than 1000 times with {1001}'],
    ['(a', 'has a ( that is not closed'],
    ['a)', 'has a ) without a ('],
    ['a'.repeat(1001), 'has over 1000 characters'],
    ['[a', 'has a [ that is not closed'],
    ['(?=a)', 'uses a lookaround such as (?=…), which RE2 does not have'],
    ['(a)\\1', 'uses the back-reference \\1, which RE2 does not have'],
    ['a\\', 'ends with a backslash'],
  ])('%s %s', (pattern, problem) => {
    expect(explainPattern(pattern)).toBe(problem);
  });

  it('is checked with the pipeline file, in expressions and in filters', () => {
    const text = `version: "1.0"
name: p
source: {type: csv, path: a.csv}
transformations:
  - {type: filter, column: s, operator: matches, value: "a**"}
  - {type: derive, columns: {x: "matches(s, '(')"}}
target: {type: sqlite, database: a.db, table: t}
`;
    const parse = () => parsePipelineText({ text, file: 'p.yaml', env: {}, plugins: PLUGINS, overrides: [] });
    expect(parse).toThrow(
      /p\.yaml:5:\d+ transformations\.0\.value: found "a\*\*": the pattern repeats a repetition with \*/,
    );
    expect(parse).toThrow(
      /p\.yaml:6:\d+ transformations\.1\.columns\.x: The pattern has a \( that is not closed/,
    );
    expect(() => compileExpression("matches(s, 'a**')", [{ name: 's', type: STRING }])).toThrow(
      'The pattern repeats a repetition with *, at character 12',
    );
  });
});
