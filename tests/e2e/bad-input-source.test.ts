import { mkdirSync } from 'node:fs';
import { closeProjects, openProject, reportOf, type Project } from '../support/project';
import { expectRefusal } from '../support/refusal';

let project: Project;
beforeEach(() => {
  project = openProject();
});
afterEach(closeProjects);

const input = (content: string | Uint8Array): string => project.write('data/input.csv', content);

/** Runs what must succeed and gives the rows of the target. */
async function load(sections: Record<string, unknown> = {}): Promise<(string | null)[][] | undefined> {
  project.configure(sections);
  const outcome = await project.flexetl('run', project.name, '--json');
  expect(outcome).toMatchObject({ exit: 0, stderr: expect.not.stringContaining('error') as string });
  expect(reportOf(outcome)).toMatchObject({ status: 'succeeded', balanced: true, error: null });
  expect(project.leftovers()).toEqual([]);
  return project.rows();
}

describe('a source that is not there', () => {
  it('is named, with the file that was probably meant', async () => {
    project.write('data/imput.csv', 'a\n1\n');
    project.configure();
    await expectRefusal(project, {
      exit: 3,
      code: 'SOURCE_MISSING',
      says: ['There is no file data/input.csv.', 'Did you mean data/imput.csv?'],
    });
  });

  it('is told apart from a folder that is not there', async () => {
    project.configure();
    await expectRefusal(project, {
      exit: 3,
      code: 'SOURCE_MISSING',
      says: ['There is no file data/input.csv: its folder does not exist.'],
    });
  });

  it('may be a folder without a file that could be one', async () => {
    project.write('data/readme.txt', 'a\n1\n');
    project.configure({ source: { type: 'csv', path: 'data' } });
    await expectRefusal(project, {
      exit: 3,
      code: 'SOURCE_MISSING',
      says: ['The folder data has no file named *.csv, *.tsv, *.csv.gz or *.tsv.gz.'],
    });
  });

  it('may be a glob that matches nothing', async () => {
    mkdirSync(project.path('data'));
    project.configure({ source: { type: 'csv', path: 'data/2026-*.csv' } });
    await expectRefusal(project, {
      exit: 3,
      code: 'SOURCE_MISSING',
      says: ['No file matches data/2026-*.csv.'],
    });
  });

  it('leaves the table of an earlier run as it was', async () => {
    input('a\n1\n2\n');
    expect(await load()).toEqual([['1'], ['2']]);
    project.configure({ source: { type: 'csv', path: 'data/next.csv' } });
    await expectRefusal(project, { exit: 3, code: 'SOURCE_MISSING', says: ['data/next.csv'] });
    expect(project.rows()).toEqual([['1'], ['2']]);
  });
});

describe('a source without records', () => {
  it('is refused when it has no header either', async () => {
    input('');
    project.configure();
    await expectRefusal(project, {
      exit: 3,
      code: 'SOURCE_UNREADABLE',
      says: ['data/input.csv is empty, expected a header line.'],
    });
  });

  it.each([
    ['a byte order mark', '\ufeff'],
    ['empty lines', '\n\r\n\n'],
  ])('is refused when all it has is %s', async (_what, content) => {
    input(content);
    project.configure();
    await expectRefusal(project, {
      exit: 3,
      code: 'SOURCE_UNREADABLE',
      says: ['data/input.csv has no header line.'],
    });
  });

  it.each([
    ['with a line break', 'date,quantity\n'],
    ['without one', 'date,quantity'],
  ])('is a good run with an empty table when it has a header %s', async (_how, content) => {
    input(content);
    project.configure({ validation: { schema: { date: { type: 'date' }, quantity: { type: 'integer' } } } });
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

  it('empties the table that it replaces', async () => {
    input('a\n1\n');
    expect(await load()).toEqual([['1']]);
    input('a\n');
    expect(await load()).toEqual([]);
  });
});

describe('a column that the source lacks', () => {
  const lacking = { exit: 2, source: 'The source is data/input.csv.', hint: 'Did you mean "quantity"?' };
  beforeEach(() => input('date,quantity,price\n2026-01-01,1,0.5\n'));

  it.each([
    ['a filter', { type: 'filter', column: 'quantiy', operator: '>', value: 0 }],
    ['drop_nulls', { type: 'drop_nulls', columns: ['quantiy'] }],
    ['group_by', { type: 'aggregate', group_by: ['quantiy'], aggregations: { n: 'count()' } }],
    ['select', { type: 'select', columns: ['quantiy'] }],
  ])('is named with the step when %s wants it', async (_who, step) => {
    project.configure({ transformations: [{ type: 'drop_nulls' }, step] });
    await expectRefusal(project, {
      exit: lacking.exit,
      code: 'SCHEMA_MISMATCH',
      says: [
        `transformations.1: ${step.type}: there is no column "quantiy" at this step.`,
        lacking.source,
        lacking.hint,
      ],
    });
  });

  it('is named with its place in the expression that wants it', async () => {
    const aggregations = { revenue: 'sum(quantiy * price)' };
    project.configure({ transformations: [{ type: 'aggregate', group_by: ['date'], aggregations }] });
    await expectRefusal(project, {
      exit: lacking.exit,
      code: 'EXPRESSION_INVALID',
      says: [
        'transformations.0: There is no column "quantiy", at character 5 of the expression `sum(quantiy * price)`.',
        lacking.source,
        lacking.hint,
      ],
    });
  });

  it('is named with all there are when the schema declares it', async () => {
    project.configure({ validation: { schema: { quantiy: { type: 'integer' } } } });
    await expectRefusal(project, {
      exit: lacking.exit,
      code: 'SCHEMA_MISMATCH',
      says: [
        'validation.schema declares the column "quantiy", which the source does not have; it has date, quantity, price.',
        lacking.source,
        lacking.hint,
      ],
    });
  });
});

describe('a header', () => {
  it.each([
    ['a,b,a', 'column 3 of the header has the name "a", which column 1 has already'],
    ['a,b,A', 'column 3 of the header has the name "A", which column 1 has already'],
    ['a,,c', 'column 2 of the header has no name'],
    ['a," ",c', 'column 2 of the header has no name'],
    ['a,__proto__,c', 'column 2 of the header has the name "__proto__", which is reserved'],
    ['_flexetl,b,c', 'column 1 of the header has the name "_flexetl", which is reserved'],
  ])('is refused as %s', async (header, problem) => {
    input(`${header}\n1,2,3\n`);
    project.configure();
    await expectRefusal(project, {
      exit: 3,
      code: 'SOURCE_UNREADABLE',
      says: [`data/input.csv: ${problem}.`, 'Give every column a name of its own'],
    });
  });

  it('may be left out, and given in the pipeline file', async () => {
    input('1,2\n3,4\n');
    expect(await load({ source: { type: 'csv', path: 'data/input.csv', header: false } })).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
  });

  it.each([
    ['SQL', 'id,"x""; DROP TABLE result; --"'],
    ['keywords', 'select,from'],
    ['names of our own inner columns', 'v0,t0'],
    ['names of JavaScript', 'toString,length'],
    ['letters of other scripts', 'größe,数量'],
  ])('may hold %s', async (_what, header) => {
    input(`${header}\n1,x\n2,y\n`);
    expect(await load()).toEqual([
      ['1', 'x'],
      ['2', 'y'],
    ]);
  });
});

describe('the same rows are read', () => {
  const rows = [
    ['1', 'Café "x", y'],
    ['2', 'two\nlines'],
    ['3', 'three'],
  ];
  const text = 'id,name\n1,"Café ""x"", y"\n2,"two\nlines"\n3,three\n';

  it.each<[string, string | Buffer, Record<string, unknown>]>([
    ['after a byte order mark', `\ufeff${text}`, {}],
    ['without a final line break', text.slice(0, -1), {}],
    ['with empty lines at the end', `${text}\n\n`, {}],
    ['with semicolons', text.replaceAll('id,', 'id;').replaceAll(/^(\d),/gm, '$1;'), {}],
    ['in UTF-16', Buffer.from(`\ufeff${text}`, 'utf16le'), { encoding: 'utf-16le' }],
    ['in Windows-1252', Buffer.from(text, 'latin1'), { encoding: 'windows-1252' }],
  ])('%s', async (_how, content, options) => {
    input(content);
    expect(await load({ source: { type: 'csv', path: 'data/input.csv', ...options } })).toEqual(rows);
  });

  it('with CRLF, the one inside quotes kept as it is', async () => {
    input(text.replaceAll('\n', '\r\n'));
    expect(await load()).toEqual(rows.map(([id, name]) => [id, name?.replace('\n', '\r\n')]));
  });

  it.each([1, 2, 3])(
    'with quoted line breaks at the boundaries of chunks of %i records',
    async (chunkSize) => {
      const lines = Array.from({ length: 60 }, (_, index) => [String(index), `a${index}\n\n"b", c\n`]);
      input(`id,name\n${lines.map(([id, name]) => `${id},"${name?.replaceAll('"', '""')}"\n`).join('')}`);
      const rowsRead = await load({ scalability: { processing: { chunk_size: chunkSize } } });
      expect(rowsRead).toEqual(lines);
    },
  );
});

describe('bytes that are no text of the encoding', () => {
  it('are refused with their line', async () => {
    input(Buffer.concat([Buffer.from('a,b\n1,x\n2,'), Buffer.from([0xff, 0x0a])]));
    project.configure();
    await expectRefusal(project, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: ['1 of 2 records does not fit.', 'data/input.csv:3: not UTF-8'],
    });
  });

  it('are refused before all else when they show that it is another', async () => {
    input(Buffer.from('\ufeffa\n1\n', 'utf16le'));
    project.configure();
    await expectRefusal(project, {
      exit: 3,
      code: 'SOURCE_UNREADABLE',
      says: ['data/input.csv is utf-16le, expected utf-8.', 'Set encoding: utf-16le.'],
    });
  });
});
