/** One of each kind of bad input, to the end; every value, reason and spelling has its case in tests/unit. */
import { readdirSync } from 'node:fs';
import { closeProjects, openProject, reportOf, type Project } from '../support/project';
import { expectRefusal } from '../support/refusal';

let project: Project;
beforeEach(() => {
  project = openProject();
});
afterEach(closeProjects);

const input = (content: string | Uint8Array): string => project.write('data/input.csv', content);
const declare = (columns: Record<string, string>): Record<string, unknown> => ({
  validation: { schema: Object.fromEntries(Object.entries(columns).map(([name, type]) => [name, { type }])) },
});

/** Runs what must succeed and gives the rows of the target. */
async function load(sections: Record<string, unknown> = {}): Promise<(string | null)[][] | undefined> {
  project.configure(sections);
  const outcome = await project.flexetl('run', project.name, '--json');
  expect(outcome).toMatchObject({ exit: 0, stderr: expect.not.stringContaining('error') as string });
  expect(reportOf(outcome)).toMatchObject({ status: 'succeeded', balanced: true, error: null });
  expect(project.leftovers()).toEqual([]);
  return project.rows();
}

describe('a source', () => {
  it('that is not there is named, with the file that was probably meant; the table of an earlier run stays', async () => {
    input('a\n1\n2\n');
    expect(await load()).toEqual([['1'], ['2']]);
    project.configure({ source: { type: 'csv', path: 'data/imput.csv' } });
    await expectRefusal(project, {
      exit: 3,
      code: 'SOURCE_MISSING',
      says: ['There is no file data/imput.csv.', 'Did you mean data/input.csv?'],
    });
    expect(project.rows()).toEqual([['1'], ['2']]);
  });

  it('with a header and no record empties the table that it replaces', async () => {
    const schema = declare({ date: 'date', quantity: 'integer' });
    input('date,quantity\n2026-01-01,1\n');
    expect(await load(schema)).toEqual([['2026-01-01', '1']]);
    input('date,quantity');
    const outcome = await project.flexetl('run', project.name, '--json');
    expect(outcome.exit).toBe(0);
    expect(reportOf(outcome)).toMatchObject({
      status: 'succeeded',
      balanced: true,
      rows: { read: 0, output: 0 },
      targets: [{ rows_loaded: 0, status: 'published' }],
    });
    expect(project.rows()).toEqual([]);
    expect(project.leftovers()).toEqual([]);
  });

  it('whose header has a name twice gets another one, which plan, preview, run and report say', async () => {
    input('a,b,A\n1,2,3\n');
    project.configure();
    const warning = expect.stringMatching(/^data\/input\.csv has columns .*: column 3 A_2\.$/) as string;
    const plan = await project.flexetl('plan', project.name, '--json');
    expect(JSON.parse(plan.stdout)).toMatchObject({ warnings: [warning] });
    expect((await project.flexetl('plan', project.name)).stdout).toMatch(/\n {2}warning: data.*A_2\.\n/);
    const said = /warning: data\/input\.csv has columns .*A_2\./;
    expect((await project.flexetl('preview', project.name)).stderr).toMatch(said);
    const outcome = await project.flexetl('run', project.name, '--json');
    expect(outcome.stderr).toMatch(said);
    expect(reportOf(outcome)).toMatchObject({ status: 'succeeded', warnings: [warning] });
    expect(project.rows()).toEqual([['1', '2', '3']]);
  });

  it('that lacks a column is named with the place in the expression that wants it', async () => {
    input('date,quantity,price\n2026-01-01,1,0.5\n');
    const aggregations = { revenue: 'sum(quantiy * price)' };
    project.configure({ transformations: [{ type: 'aggregate', group_by: ['date'], aggregations }] });
    await expectRefusal(project, {
      exit: 2,
      code: 'EXPRESSION_INVALID',
      says: [
        'transformations.0: There is no column "quantiy", at character 5 of the expression `sum(quantiy * price)`.',
        'The source is data/input.csv.',
        'Did you mean "quantity"?',
      ],
    });
  });

  it('may have names of columns that SQL, JavaScript and the engine use, and letters of other scripts', async () => {
    const names = [
      'id',
      '"x""; DROP TABLE result; --"',
      'select',
      'from',
      'v0',
      't0',
      'toString',
      'größe',
      '数量',
    ];
    input(`${names.join(',')}\n${names.map((_, index) => index).join(',')}\n`);
    expect(await load()).toEqual([names.map((_, index) => String(index))]);
  });

  it('in another encoding, with CRLF and quoted line breaks where it is cut, is read whole', async () => {
    const rows = Array.from({ length: 60 }, (_, index) => [String(index), `Café ${index}\r\n\n"b", c\n`]);
    const text = `id,name\r\n${rows.map(([id, name]) => `${id},"${name?.replaceAll('"', '""')}"\r\n`).join('')}`;
    input(Buffer.from(`\ufeff${text}`, 'utf16le'));
    const source = { type: 'csv', path: 'data/input.csv', encoding: 'utf-16le' };
    expect(await load({ source, scalability: { processing: { chunk_size: 12 } } })).toEqual(rows);
  });
});

describe('records that do not fit', () => {
  const job = {
    source: { type: 'csv', path: 'data/in' },
    ...declare({ id: 'integer', day: 'date', q: 'integer' }),
  };

  it('fail the run with every reason of each, the first twenty in the order of the files', async () => {
    const bad = Array.from({ length: 14 }, (_, id) => `${id},"2026-01-01",x${id}\n`);
    const tall = `7,"2026-01-01","a\nb"\n8,2026-02-30,two\n9\n`;
    project.write('data/in/a.csv', `id,day,q\n1,2026-01-01,5\n${bad.join('')}${tall}`);
    const bytes = Buffer.from('id,day,q\n1,2026-01-01,\n2,2026-01-01,?\n3,2026-01-01,x\n4,,y\n');
    bytes[bytes.indexOf('?')] = 0xff;
    project.write('data/in/b.csv', bytes);
    project.configure(job);
    const report = await expectRefusal(project, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: [
        '20 of 22 records do not fit, the first 19 are shown.',
        '  data/in/a.csv:3 q: "x0" not an integer\n',
        '  data/in/a.csv:17 q: "a\\nb" not an integer\n',
        '  data/in/a.csv:19 day: "2026-02-30" not a date (YYYY-MM-DD)\n  data/in/a.csv:19 q: "two" not an integer\n',
        '  data/in/a.csv:20: 1 field, header has 3\n',
        '  data/in/b.csv:3: not UTF-8, looks like windows-1252\n',
        '  data/in/b.csv:4 q: "x" not an integer\n',
        'Nothing was loaded. Fix the source, or declare the column with a type that fits (validation.schema), or check delimiter and quote of the source, or set the encoding of the source (often windows-1252; the program that wrote the file knows it, and the command file -i guesses it from such a line).\n',
      ],
    });
    expect(report.rows).toMatchObject({ read: 22, rejected: 20 });
    expect(report.error?.places).toHaveLength(20);
    expect(report.error?.places?.[16]).toEqual({
      file: 'data/in/a.csv',
      line: 19,
      record: 17,
      column: 'q',
      value: 'two',
      reason: 'not an integer',
    });
  });

  it('load nothing, and leave the staged parts where FLEXETL_STAGING_DIR says', async () => {
    project.env['FLEXETL_STAGING_DIR'] = project.path('elsewhere');
    project.write('data/in/a.csv', 'id,day,q\n1,2026-01-01,2\n');
    expect(await load(job)).toEqual([['1', '2026-01-01', '2']]);
    project.write('data/in/b.csv', 'id,day,q\n1,2026-01-01,2\n2,2026-01-01,two\n');
    const { run_key } = await expectRefusal(project, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: [
        '1 of 3 records does not fit.',
        'data/in/b.csv:3 q: "two" not an integer',
        'Nothing was loaded.',
      ],
    });
    expect(project.rows()).toEqual([['1', '2026-01-01', '2']]);
    const staged = readdirSync(project.path('elsewhere'), { recursive: true }).map(String);
    const ofRun = staged.filter((path) => path.includes(`/${project.name}/${run_key ?? ''}/parts/`));
    for (const part of [/verdicts\/\d+\.parquet$/, /verdicts\/\d+\.json$/, /parts\/plan\.json$/])
      expect(ofRun).toContainEqual(expect.stringMatching(part));
  });
});

describe('a sum', () => {
  it('that goes beyond 64 bits is an error that names it', async () => {
    input('q\n9223372036854775807\n1\n');
    project.configure({
      transformations: [{ type: 'aggregate', aggregations: { total: 'sum(q)' } }],
      ...declare({ q: 'integer' }),
    });
    await expectRefusal(project, {
      exit: 3,
      code: 'VALUE_OVERFLOW',
      says: ['sum(q) exceeds the 64-bit integers: sum fewer rows, or use a larger unit.'],
    });
  });
});
