/** Checks of the pipeline file, and a check and a source of a user's own, through the command line. */
import { join } from 'node:path';
import { closeProjects, openProject, reportOf, type Project } from '../support/project';
import { expectRefusal } from '../support/refusal';

const PLUGIN = JSON.stringify(join(__dirname, '..', '..', 'dist', 'plugin'));
const RECORDS = Array.from(
  { length: 40 },
  (_, index) => `${index},${index % 10 === 0 ? '' : `name ${index}`}`,
);

let project: Project;
beforeEach(() => {
  project = openProject();
  project.write('data/input.csv', `id,name\n${RECORDS.join('\n')}\n`);
});
afterEach(closeProjects);

/** Some rows a partition, so that the states of the parts have to be merged. */
const configure = (check: object, more: object = {}): void =>
  project.configure({
    validation: { quality_checks: [check] },
    scalability: { processing: { chunk_size: 12 } },
    ...more,
  });

describe('null_check', () => {
  it('that fails ends the run before anything is loaded, and says what was found', async () => {
    configure({ type: 'null_check', columns: ['id', 'name'], max_null_percentage: 5 });
    const report = await expectRefusal(project, {
      exit: 1,
      code: 'CHECK_FAILED',
      says: ['null_check: column "name" is null in 4 of 40 rows'],
    });
    expect(report).toMatchObject({ status: 'failed', rows: { read: 40 }, targets: [] });
    expect(report.checks).toEqual([
      { name: 'type', severity: 'reject', status: 'passed', failing_rows: 0 },
      { name: 'null_check', columns: ['id'], severity: 'reject', status: 'passed', failing_rows: 0 },
      { name: 'null_check', columns: ['name'], severity: 'reject', status: 'failed', failing_rows: 4 },
    ]);
    expect(project.rows()).toBeUndefined();
  });

  it('that passes stands in the report', async () => {
    configure({ type: 'null_check', columns: ['name'], max_null_percentage: 10 });
    const report = reportOf(await project.flexetl('run', project.name, '--json'));
    expect(report).toMatchObject({ status: 'succeeded', balanced: true });
    expect(report.checks).toContainEqual({
      name: 'null_check',
      columns: ['name'],
      severity: 'reject',
      status: 'passed',
      failing_rows: 4,
    });
    expect(project.rows()).toHaveLength(40);
  });
});

const MODULE = `const { defineCheck, defineSource, z } = require(${PLUGIN});
exports.evenPages = defineSource({
  kind: 'records',
  type: 'even_pages',
  description: 'Pages of two even numbers each.',
  options: z.strictObject({ pages: z.int().describe('How many.') }),
  async *read({ pages }, context, from) {
    for (let page = from ?? 0; page < pages; page++) {
      const records = [{ n: 4 * page, exact: '0.10' }, { n: 4 * page + 2, exact: '12345678901234567890.5' }];
      yield { records, ...(page + 1 < pages && { next: page + 1 }) };
    }
  },
});
exports.below = defineCheck({
  type: 'below',
  description: 'Every value is below a bound.',
  options: z.strictObject({ column: z.string().describe('A column.'), bound: z.number().describe('The bound.') }),
  compile: ({ column, bound }) => [
    { scope: 'row', column, fails: \`"\${column}" >= \${bound}\`, reason: \`not below \${bound}\` },
  ],
});
exports.rowsMin = defineCheck({
  type: 'rows_min',
  description: 'There are so many rows at least.',
  options: z.strictObject({ rows: z.int().describe('How many.') }),
  compile: ({ rows: min }) => [
    {
      scope: 'dataset',
      columns: [],
      measure: { rows: 'count(*)' },
      read: ({ rows }) => Number(rows),
      merge: (a, b) => a + b,
      empty: 0,
      verdict: (rows) => ({
        status: rows < min ? 'failed' : 'passed',
        failing_rows: 0,
        message: \`there are \${rows} rows, expected \${min} at least\`,
      }),
    },
  ],
});
`;

describe("a source and checks of a user's own", () => {
  beforeEach(() => project.write('plugins/own.js', MODULE));

  const configureOwn = (...quality_checks: object[]): void =>
    project.configure({
      plugins: ['./plugins/own.js'],
      source: { type: 'even_pages', pages: 3 },
      validation: { quality_checks },
      scalability: { processing: { chunk_size: 1 } },
    });

  it('work from its pages to the table, and stand in the report', async () => {
    configureOwn({ type: 'below', column: 'n', bound: 11 }, { type: 'rows_min', rows: 6 });
    const report = reportOf(await project.flexetl('run', project.name, '--json'));
    expect(report).toMatchObject({ status: 'succeeded', balanced: true, rows: { read: 6, output: 6 } });
    expect(report.checks.map(({ name, status }) => [name, status])).toEqual(
      expect.arrayContaining([
        ['below', 'passed'],
        ['rows_min', 'passed'],
      ]),
    );
    expect(project.rows()).toEqual(
      [0, 2, 4, 6, 8, 10].map((n) => [String(n), n % 4 === 0 ? '0.10' : '12345678901234567890.50']),
    );
  });

  it('refuse rows with their page, record and reason', async () => {
    configureOwn({ type: 'below', column: 'n', bound: 9 });
    await expectRefusal(project, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: ['1 of 6 records does not fit', 'even_pages page 3:2 n: "10" not below 9'],
    });
  });

  it('refuse the input as a whole', async () => {
    configureOwn({ type: 'rows_min', rows: 7 });
    await expectRefusal(project, {
      exit: 1,
      code: 'CHECK_FAILED',
      says: ['rows_min: there are 6 rows, expected 7 at least.'],
    });
  });

  it('look at rows, not at the groups that they become', async () => {
    project.configure({
      plugins: ['./plugins/own.js'],
      transformations: [{ type: 'aggregate', group_by: ['name'], aggregations: { n: 'count(*)' } }],
      validation: { quality_checks: [{ type: 'rows_min', rows: 4_000 }] },
    });
    const lines = Array.from({ length: 4_000 }, (_, index) => `${index},name ${index % 2}`);
    project.write('data/input.csv', `id,name\n${lines.join('\n')}\n`);
    const report = reportOf(await project.flexetl('run', project.name, '--json'));
    expect(report).toMatchObject({ status: 'succeeded', rows: { aggregated: 4_000, output: 2 } });
  });
});
