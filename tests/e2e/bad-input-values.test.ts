import { closeProjects, openProject, reportOf, type Project } from '../support/project';
import { expectRefusal } from '../support/refusal';

let project: Project;
beforeEach(() => {
  project = openProject();
});
afterEach(closeProjects);

const input = (content: string): string => project.write('data/input.csv', content);
const declare = (columns: Record<string, string>): Record<string, unknown> => ({
  validation: { schema: Object.fromEntries(Object.entries(columns).map(([name, type]) => [name, { type }])) },
});
const chunks = (records: number): Record<string, unknown> => ({
  scalability: { processing: { chunk_size: records } },
});

describe('a value that is none of its column’s type', () => {
  it.each([
    ['integer', 'two', 'not an integer'],
    ['integer', '8.7', 'not an integer'],
    ['integer', '8.0', 'not an integer'],
    ['integer', '1_000', 'not an integer'],
    ['integer', '1,000', 'not an integer'],
    ['integer', ' 5 ', 'not an integer'],
    ['integer', '1e3', 'not an integer'],
    ['integer', '0x10', 'not an integer'],
    ['integer', '٣', 'not an integer'],
    ['integer', '9223372036854775808', 'outside the 64-bit integers'],
    ['decimal(6,2)', '1.005', '3 digits after the point, decimal(6,2) has 2'],
    ['decimal(6,2)', '12345.6', '5 digits before the point, decimal(6,2) has 4'],
    ['decimal(6,2)', '1e-3', 'not a decimal'],
    ['decimal', 'infinity', 'not a decimal'],
    ['decimal', 'NaN', 'not a decimal'],
    ['decimal', `1${'0'.repeat(38)}`, '39 digits before the point, decimal(38,0) has 38'],
    ['float', 'infinity', 'not a number'],
    ['float', '1e999', 'outside the range of a double'],
    ['boolean', 'maybe', 'not a boolean'],
    ['date', '2026-13-01', 'not a date'],
    ['date', '2026-02-29', 'not a date'],
    ['date', '01.02.2026', 'not a date'],
    ['date', 'infinity', 'not a date'],
    ['date', '2026-01-01 10:00', 'not a date'],
    ['timestamp', '2026-01-01 25:00', 'not a timestamp'],
  ])('%s: %j is refused, never changed', async (type, text, reason) => {
    input(`id,x\na,"${text}"\n`);
    project.configure(declare({ id: 'string', x: type }));
    const shown = `  data/input.csv:2 x: ${JSON.stringify(text)} `;
    await expectRefusal(project, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: ['1 of 1 records does not fit.', shown, reason],
    });
  });

  it('is refused where null is, when the column must not be null', async () => {
    input('id,x\na,1\nb,\n');
    project.configure({ validation: { schema: { x: { type: 'integer', nullable: false } } } });
    await expectRefusal(project, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: ['data/input.csv:3 x: null in a column that is not nullable'],
    });
  });

  it('is refused as well in a file whose every column is declared', async () => {
    input('x,y\n1,2\n3,four\n');
    project.configure(declare({ x: 'integer', y: 'integer' }));
    await expectRefusal(project, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: ['data/input.csv:3 y: "four" not an integer'],
    });
  });

  it('is refused in a column that nothing uses, when it is declared', async () => {
    input('x,y\n1,2\n3,four\n');
    project.configure({
      transformations: [{ type: 'select', columns: ['x'] }],
      ...declare({ y: 'integer' }),
    });
    await expectRefusal(project, { exit: 1, code: 'RECORDS_REJECTED', says: ['data/input.csv:3 y: "four"'] });
  });

  it('makes an undeclared column text, and an error that shows it where a number is needed', async () => {
    const numbers = Array.from({ length: 30_000 }, (_, index) => `${index}\n`).join('');
    input(`q\n${numbers}n/a\n`);
    project.configure({ transformations: [{ type: 'aggregate', aggregations: { total: 'sum(q)' } }] });
    await expectRefusal(project, {
      exit: 2,
      code: 'EXPRESSION_INVALID',
      says: ['sum', 'The values of "q" made it text.', 'data/input.csv:30002 q: "n/a" not a number'],
    });
  });

  it('leaves the table of an earlier run as it was', async () => {
    input('x\n1\n');
    project.configure(declare({ x: 'integer' }));
    expect((await project.flexetl('run', project.name)).exit).toBe(0);
    input('x\n2\nthree\n');
    await expectRefusal(project, { exit: 1, code: 'RECORDS_REJECTED', says: ['data/input.csv:3'] });
    expect(project.rows()).toEqual([['1']]);
  });
});

describe('places', () => {
  /** Records of one, two and three physical lines, every seventh with a text in the number. */
  const records = Array.from({ length: 70 }, (_, index) => ({
    id: index,
    lines: 1 + (index % 3),
    q: index % 7 === 6 ? `bad ${index}` : String(index),
  }));
  let at = 2;
  const placed = records.map((record) => {
    const line = at;
    at += record.lines;
    return { ...record, line };
  });
  const bad = placed.filter(({ q }) => q.startsWith('bad'));

  it.each([undefined, 1, 5, 9])('tell the physical line in chunks of %p records', async (chunkSize) => {
    input(
      `id,note,q\n${records.map(({ id, lines, q }) => `${id},"x${'\n'.repeat(lines - 1)}",${q}\n`).join('')}`,
    );
    project.configure({
      ...declare({ q: 'integer' }),
      ...(chunkSize === undefined ? {} : chunks(chunkSize)),
    });
    const report = await expectRefusal(project, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: [
        `${bad.length} of ${records.length} records do not fit.`,
        ...bad.map(({ line, q }) => `  data/input.csv:${line} q: "${q}" not an integer`),
      ],
    });
    expect(report.rows).toMatchObject({ read: records.length, rejected: bad.length });
    expect(report.error?.places).toEqual(
      bad.map(({ id, line, q }) => ({
        file: 'data/input.csv',
        line,
        record: id + 1,
        column: 'q',
        value: q,
        reason: 'not an integer',
      })),
    );
  });

  it('are the first twenty, also over several files', async () => {
    const lines = Array.from({ length: 15 }, (_, index) => `x${index}\n`).join('');
    project.write('data/in/a.csv', `q\n1\n${lines}`);
    project.write('data/in/b.csv', `q\n${lines}`);
    project.configure({ source: { type: 'csv', path: 'data/in' }, ...declare({ q: 'integer' }) });
    const report = await expectRefusal(project, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: ['30 of 31 records do not fit, the first 20 are shown.', 'data/in/a.csv:3', 'data/in/b.csv:6'],
    });
    const places = report.error?.places ?? [];
    expect(places.map(({ file, line }) => `${file}:${line}`)).toEqual([
      ...Array.from({ length: 15 }, (_, index) => `data/in/a.csv:${index + 3}`),
      ...Array.from({ length: 5 }, (_, index) => `data/in/b.csv:${index + 2}`),
    ]);
  });

  it('show a long value cut, and line breaks as they are written in JSON', async () => {
    input(`q\n"${'long '.repeat(50)}"\n"a\nb"\n`);
    project.configure(declare({ q: 'integer' }));
    await expectRefusal(project, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: [
        /input\.csv:2 q: "(long ){15}long…" not an integer/,
        'data/input.csv:3 q: "a\\nb" not an integer',
      ],
    });
  });
});

describe('a record that is none', () => {
  it.each([
    ['1\n', '1 field, header has 2'],
    ['1,2,3\n', '3 fields, header has 2'],
    ['1,"x\n', 'quote not closed'],
    ['1,"x"y\n', 'text after a closing quote'],
  ])('%j is refused with its line, and costs no other', async (broken, reason) => {
    input(`a,b\n1,2\n${broken}3,4\n`);
    project.configure();
    const report = await expectRefusal(project, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: ['1 of 3 records does not fit.', `data/input.csv:3: ${reason}`],
    });
    expect(report.rows).toMatchObject({ read: 3, rejected: 1 });
  });
});

describe('a sum', () => {
  const total = { transformations: [{ type: 'aggregate', aggregations: { total: 'sum(q)' } }] };

  it('that goes beyond 64 bits is an error that names it', async () => {
    input('q\n9223372036854775807\n1\n');
    project.configure({ ...total, ...declare({ q: 'integer' }) });
    await expectRefusal(project, {
      exit: 3,
      code: 'VALUE_OVERFLOW',
      says: ['sum(q) goes beyond the 64-bit integers: sum fewer rows or a smaller unit.'],
    });
  });

  it('that only passes beyond 64 bits on its way is exact', async () => {
    input('q\n9223372036854775807\n1\n-9223372036854775808\n');
    project.configure({ ...total, ...declare({ q: 'integer' }) });
    const outcome = await project.flexetl('run', project.name, '--json');
    expect(outcome.exit).toBe(0);
    expect(reportOf(outcome).rows).toMatchObject({ read: 3, aggregated: 3, output: 1 });
    expect(project.rows()).toEqual([['0']]);
  });
});
