import { csv } from '../../sources/csv';
import type { SourceSurvey } from '../../plugin/source';
import { withDuckdb } from '../../runtime/duckdb';
import { makeMemoryFolder } from '../support/folder';
import { landAll, openSandbox, readFast, readRecords, readRepaired } from '../support/source-sandbox';

const sandbox = openSandbox(makeMemoryFolder());

const open = (options: Record<string, unknown>) =>
  csv.open(csv.options.parse(options), sandbox.freshRun().context);
const survey = (options: Record<string, unknown>): Promise<SourceSurvey> => open(options).survey();

/** The rows of a source, or why a record is none: the same in every lane, in one partition and in many. */
async function rowsOf(options: Record<string, unknown>): Promise<unknown[]> {
  return withDuckdb({ dir: sandbox.dir, memoryMb: 200 }, async (db) => {
    let found: unknown[] = [];
    for (const bytes of [Number.MAX_SAFE_INTEGER, 10]) {
      const source = open(options);
      const { survey: seen, partitions } = await landAll(source, bytes);
      const records = await readRecords(source, seen, partitions);
      found = records.map(({ values, reason }) => values ?? reason);
      const repaired: unknown[] = [];
      for (const partition of partitions) {
        const { rows } = await readRepaired(db, source, seen, partition);
        repaired.push(...rows);
        const fast = await readFast(db, source, seen, partition);
        if (fast) expect(fast).toEqual(rows);
      }
      expect(repaired).toEqual(found.filter((row) => Array.isArray(row)));
    }
    return found;
  });
}

describe('an option of the CSV source', () => {
  it.each<[string, Record<string, unknown>, string | Buffer, unknown[]]>([
    [
      'comment',
      { comment: '#' },
      '# "by till\n#\na,b\n1,x\n# c,"d\n2,"# y\n#z"\n#\n#3,w',
      [
        ['1', 'x'],
        ['2', '# y\n#z'],
      ],
    ],
    ['comment in one column', { comment: '%' }, 'a\n1\n\n%\n', [['1'], [null]]],
    ['skip_footer', { skip_footer: 2 }, 'a,b\n1,x\ntotal,"1\nend\n\n', [['1', 'x']]],
    ['skip_footer of all', { skip_footer: 1 }, 'a,b\ntotal', []],
    [
      'null_padding',
      { null_padding: true },
      'a,b,c\n1\n2,x\n3,y,z\n4,,,w\n',
      [['1', null, null], ['2', 'x', null], ['3', 'y', 'z'], '4 fields, header has 3'],
    ],
    [
      'truncate_ragged_lines',
      { truncate_ragged_lines: true },
      'a,b\n1,x,"y,",z\n2\n3,w,,\n',
      [['1', 'x'], '1 field, header has 2', ['3', 'w']],
    ],
    [
      'a delimiter of several bytes',
      { delimiter: '||' },
      'a||b\n1|||x\n "2||" ||"y"\n|3||z|\n"4"|x\n',
      [['1', '|x'], ['2||', 'y'], ['|3', 'z|'], 'text after a closing quote'],
    ],
    ['a delimiter beyond ASCII', { delimiter: '\u00a6' }, 'a\u00a6b\n1\u00a6\u00a5\n', [['1', '\u00a5']]],
    ['a control character', { delimiter: '\x1e' }, 'a\x1eb\n1\x1ex\n', [['1', 'x']]],
  ])('means the same in every lane: %s', async (_title, options, bytes, rows) => {
    sandbox.write('input.csv', bytes);
    expect(await rowsOf({ path: 'input.csv', ...options })).toEqual(rows);
  });

  it.each([
    { comment: ',', delimiter: ',' },
    { comment: '"' },
    { comment: '##' },
    { skip_footer: -1 },
    { delimiter: '|"', quote: '"' },
    { schema_contract: 'discard' },
  ])('is refused where it contradicts another: %j', (options) => {
    expect(csv.options.safeParse({ path: 'a.csv', ...options }).success).toBe(false);
  });

  it('refuses a format for a column that is not there', async () => {
    sandbox.write('input.csv', 'day,n\n1.1.2026,1\n');
    await expect(survey({ path: 'input.csv', date_format: { dey: '%d.%m.%Y' } })).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      hint: 'Did you mean "day"?',
    });
  });
});

describe('files of one source', () => {
  beforeAll(() => {
    sandbox.write('days/a.csv', 'id,name\n1,x\n');
    sandbox.write('days/b.csv', 'name,id\ny,2\n"z\n",3\n');
    sandbox.write('more/a.csv', 'id,name\n1,x\n');
    sandbox.write('more/b.csv', 'note,id\nn,2\n,3,4\n');
    sandbox.write('more/c.csv', 'id,name\n4,w\n');
  });

  it('have the same columns in any order: they are matched by name', async () => {
    expect((await survey({ path: 'days' })).columns).toEqual(['id', 'name']);
    expect(await rowsOf({ path: 'days' })).toEqual([
      ['1', 'x'],
      ['2', 'y'],
      ['3', 'z\n'],
    ]);
  });

  it('may have other columns with schema_contract: evolve, and it is said', async () => {
    const options = { path: 'more', schema_contract: 'evolve' };
    const { columns, sample, warnings } = await survey(options);
    expect(columns).toEqual(['id', 'name', 'note']);
    expect(sample[1]).toEqual(['2', null, 'n']);
    expect(warnings).toEqual([
      'more/a.csv (and 1 more files) lacks columns that other files have, which are null there: note.',
      'more/b.csv lacks columns that other files have, which are null there: name.',
    ]);
    expect(await rowsOf(options)).toEqual([
      ['1', 'x', null],
      ['2', null, 'n'],
      '3 fields, header has 2',
      ['4', 'w', null],
    ]);
  });

  it('are refused with other columns by default, and with another delimiter', async () => {
    await expect(survey({ path: 'more' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: 'more/b.csv has "note" as column 1, more/a.csv has "id".',
      hint: expect.stringContaining('schema_contract: evolve'),
    });
    sandbox.write('mixed/a.csv', 'id,name\n1,x\n');
    sandbox.write('mixed/b.csv', 'id;name\n2;y\n');
    await expect(survey({ path: 'mixed' })).rejects.toMatchObject({
      message: 'mixed/b.csv has "id;name" as column 1, mixed/a.csv has "id".',
      hint: expect.stringMatching(/^Its delimiter may be ";", that of mixed\/a\.csv is ","/),
    });
  });
});

describe('what a look at the source proposes', () => {
  it.each<[string, string[], string | undefined, Record<string, unknown>?]>([
    ['words for null', ['1', 'NA', '2.5'], 'null_values: ["","NA"]'],
    ['words for null among dates', ['2026-01-01', '-'], 'null_values: ["","-"]'],
    ['a format', ['31.12.2026', '1.2.2026'], 'date_format: "%d.%m.%Y"'],
    ['two formats', ['01/02/2026'], 'date_format: "%d/%m/%Y" or "%m/%d/%Y"'],
    ['a format and words', ['1 Sep 2026', 'NULL'], 'null_values: ["","NULL"], date_format: "%d %b %Y"'],
    ['a format of times', ['12/31/2026 11:05 PM'], 'timestamp_format: "%m/%d/%Y %I:%M %p"'],
    ['a separator', ['1,234', '12'], 'thousands_separator: ","'],
    ['two separators', ['1.234,50'], 'decimal_separator: ",", thousands_separator: "."'],
    ['signs', ['€ 5', '7%'], 'number_signs: ["€","%"]'],
    ['signs and a separator', ['$1,200.50'], 'number_signs: ["$"], thousands_separator: ","'],
    ['nothing for texts', ['x', 'NA', '12'], undefined],
    ['nothing for numbers', ['1', '2'], undefined],
    ['nothing for what is declared', ['31.12.2026'], undefined, { date_format: '%d.%m.%Y' }],
  ])('%s', async (_title, values, options, given = {}) => {
    sandbox.write('input.csv', `k\tv\n${values.map((value) => `a\t${value}\n`).join('')}`);
    const { proposals = [] } = await survey({ path: 'input.csv', delimiter: '\t', ...given });
    const found = proposals.map((one) => [one.column, one.options.split(', ').sort()]);
    expect(found).toEqual(options === undefined ? [] : [['v', options.split(', ').sort()]]);
    if (proposals[0] === undefined || / or /.test(proposals[0].options)) return;
    // What is proposed helps.
    const applied = Object.fromEntries(
      proposals[0].options
        .split(/, (?=[a-z_]+:)/)
        .map((one) => [
          one.slice(0, one.indexOf(':')),
          JSON.parse(one.slice(one.indexOf(':') + 1)) as unknown,
        ]),
    );
    expect((await survey({ path: 'input.csv', delimiter: '\t', ...applied })).proposals).toEqual([]);
  });
});

describe('what looks odd in a file', () => {
  it.each<[string, Record<string, unknown>, string | Buffer, RegExp]>([
    [
      'a title',
      { delimiter: ',' },
      'Sales of May\na,b\n1,2\n3,4\n',
      /has one field in line 1, its header, and 2 .* set skip_rows: 1\./,
    ],
    [
      'a title and no delimiter',
      {},
      'Sales of May\na;b\n1;2\n',
      /below its first line the delimiter may be ";".* skip_rows: 1\./,
    ],
    [
      'a comment without a header',
      { header: false },
      '# made by x\n1\n',
      /looks like a comment, read as a record.*comment: "#"/,
    ],
    ['two marks', {}, '\ufeff\ufeffa\n1\n', /starts with more than one byte order mark/],
    ['a mark inside', {}, '\ufeffa\n1\n\ufeffa\n2\n', /has a byte order mark inside, at byte 7/],
  ])('is said: %s', async (_title, options, bytes, warning) => {
    sandbox.write('odd.csv', bytes);
    const { warnings } = await survey({ path: 'odd.csv', ...options });
    expect(warnings?.join('\n')).toMatch(warning);
  });

  it('does not change the records: several marks', async () => {
    sandbox.write('odd.csv', '\ufeff\ufeffx,y\n1,2\n');
    expect(await rowsOf({ path: 'odd.csv', header: false })).toEqual([
      ['x', 'y'],
      ['1', '2'],
    ]);
  });
});
