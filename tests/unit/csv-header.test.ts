import { csv } from '../../sources/csv';
import type { SourceSurvey } from '../../plugin/source';
import { landAll, openSandbox } from '../support/source-sandbox';

const sandbox = openSandbox();

const survey = (options: Record<string, unknown>): Promise<SourceSurvey> =>
  csv.open(csv.options.parse(options), sandbox.freshRun().context).survey();

describe('the header of a CSV source', () => {
  it.each([
    ['_flexetl,b,c', /column 1 of the header has the name "_flexetl", which is reserved/],
    ['a,_FlexETL_record', /column 2 .*"_FlexETL_record", which is reserved/],
    [`a,${'n'.repeat(201)}`, /column 2 .*201 characters, the limit is 200/],
  ])('is refused: %s', async (header, message) => {
    sandbox.write('head.csv', `${header}\n1,2,3\n`);
    await expect(survey({ path: 'head.csv' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(message),
      places: [{ file: 'head.csv', line: 1, reason: 'the header' }],
    });
  });

  it('gets names for columns without one, and for twins, that no other column has', async () => {
    sandbox.write('head.csv', 'a,,A,a_2,column_2,a\n1,2,3,4,5,6\n');
    const { columns, warnings } = await survey({ path: 'head.csv' });
    expect(columns).toEqual(['a', 'column_3', 'A_3', 'a_2', 'column_2', 'a_4']);
    expect(warnings).toEqual([
      'head.csv has columns without a name or with one that is used before; called here: ' +
        'column 2 column_3, column 3 A_3, column 6 a_4.',
    ]);
    sandbox.write('head.csv', 'É,é\n1,2\n');
    expect(await survey({ path: 'head.csv' })).toMatchObject({ columns: ['É', 'é'], warnings: [] });
  });

  it('is a title when most columns have no name', async () => {
    sandbox.write('head.csv', '\nReport,,\nid,name,qty\n1,x,2\n');
    await expect(survey({ path: 'head.csv' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: 'head.csv has no name for 2 of 3 columns in line 2, its header.',
      hint: expect.stringContaining('set skip_rows'),
      places: [{ file: 'head.csv', line: 2 }],
    });
  });

  it.each([
    ['numbers', '1001,4\n1002,5\n', true],
    ['a date and a text', '2024-01-02,x\n2024-01-03,y\n', true],
    ['a number and nothing', '1001,\n1002,5\n', true],
    ['words', 'id,name\n1,x\n', false],
    ['years', 'country,2023,2024\nFrance,1,2\n', false],
    ['a word over numbers', 'id,2023,17\n1,2,3\n', false],
    ['numbers over texts', '1,2\nx,y\n', false],
  ])('is said to look like data: %s', async (_what, text, said) => {
    sandbox.write('head.csv', text);
    const { warnings } = await survey({ path: 'head.csv' });
    const warning = 'head.csv has a first line that looks like data; if it is, set header: false.';
    expect(warnings?.includes(warning)).toBe(said);
  });

  it.each([
    ['# a\n#b\nday,rain\n1,2\n', 0, /a comment in line 1.*"# a"/, /skip_rows: 2;.*skip_rows: 1/],
    ['x\n\n#\nday,rain\n', 1, /a comment in line 3/, /skip_rows: 3;/],
    ['sep=;\nday;rain\n', 0, /names its delimiter in line 1/, /skip_rows: 1 and delimiter: ";"/],
  ])('is not taken from a line that is no header: %j', async (text, skip_rows, message, hint) => {
    sandbox.write('head.csv', text);
    await expect(survey({ path: 'head.csv', skip_rows })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });

  it('may start with a #', async () => {
    sandbox.write('head.csv', '#id,name\n1,x\n');
    expect((await survey({ path: 'head.csv' })).columns).toEqual(['#id', 'name']);
  });

  it('and nothing else is said', async () => {
    sandbox.write('head.csv', 'a,b\n');
    expect((await survey({ path: 'head.csv' })).warnings).toEqual(['The source has no records.']);
  });

  it.each([
    ['a byte order mark', '\ufeff'],
    ['empty lines', '\n\r\n\n'],
  ])('is missed in a file of %s', async (_what, bytes) => {
    sandbox.write('none.csv', bytes);
    await expect(survey({ path: 'none.csv' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: 'none.csv has no header line.',
    });
  });

  it('alone is a source without rows or partitions', async () => {
    for (const bytes of ['a,b\n', 'a,b', '\ufeffa,b\r\n']) {
      sandbox.write('only.csv', bytes);
      const plan = await landAll(
        csv.open(csv.options.parse({ path: 'only.csv' }), sandbox.freshRun().context),
        64,
      );
      expect(plan).toMatchObject({
        survey: { columns: ['a', 'b'], sample: [], recordBytes: 0 },
        partitions: [],
      });
    }
  });

  it('may be absent, after lines to skip, and named by the user', async () => {
    sandbox.write('bare.csv', 'made by\nthe till\n1;2\n3;4\n');
    expect(await survey({ path: 'bare.csv', header: false, skip_rows: 2 })).toMatchObject({
      columns: ['column_1', 'column_2'],
      sample: [
        ['1', '2'],
        ['3', '4'],
      ],
      recordBytes: 4,
    });
    expect(
      (await survey({ path: 'bare.csv', header: false, skip_rows: 2, columns: ['x', 'y'] })).columns,
    ).toEqual(['x', 'y']);
    await expect(survey({ path: 'bare.csv', skip_rows: 9 })).rejects.toThrow(/no line 10, skip_rows is 9/);
  });
});
