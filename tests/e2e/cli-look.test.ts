/** The commands that only look: validate, plan, preview, schema, and help. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../client/context';
import { printError } from '../../client/print';
import { closeProjects, openProject, type Project } from '../support/project';
import { expectError } from '../support/refusal';
import { SALES_JOB } from '../support/sales';

const SALES = `date,product_id,product_name,quantity,unit_price
2026-01-01,P1,Lamp,2,0.10
2026-01-02,P2,"Desk
large",3,99.99
2026-01-02,P2,Desk,0,99.99
`;

let project: Project;
beforeEach(() => {
  project = openProject();
  project.write('data/input.csv', SALES);
  project.configure(SALES_JOB);
  // None of these commands needs a server.
  project.env['TEMPORAL_ADDRESS'] = '127.0.0.1:9';
});
afterEach(closeProjects);

const files = (): string[] => readdirSync(project.dir, { recursive: true }).map(String).sort();

describe('validate', () => {
  it('says that a pipeline is valid', async () => {
    expect(await project.flexetl('validate', project.name)).toEqual({
      exit: 0,
      stdout: `✔ ${project.name} is valid\n`,
      stderr: '',
    });
    const { stdout } = await project.flexetl(
      'validate',
      '--config',
      `configs/${project.name}.yaml`,
      '--json',
    );
    expect(JSON.parse(stdout)).toEqual([{ pipeline: project.name, valid: true }]);
  });

  it('checks many, and goes on after one that is wrong', async () => {
    project.write('configs/broken.yaml', 'version: "1.0"\n');
    const { exit, stdout, stderr } = await project.flexetl('validate', 'broken', project.name);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: `✔ ${project.name} is valid\n` });
    expect(stderr).toContain('configs/broken.yaml:1:1 source: missing');
    expect(stderr).toContain('configs/broken.yaml:1:1 targets: missing');
  });

  it('checks all with --all', async () => {
    project.write('configs/broken.yml', 'version: "1.0"\n');
    const { exit, stdout } = await project.flexetl('validate', '--all', '--json');
    expect(exit).toBe(2);
    expect(JSON.parse(stdout)).toEqual([
      {
        pipeline: 'broken',
        valid: false,
        problem: expect.stringContaining('configs/broken.yml:1:1') as string,
      },
      { pipeline: project.name, valid: true },
    ]);
  });

  it('says so where there is nothing to check', async () => {
    const empty = openProject();
    expect(await empty.flexetl('validate', '--all')).toEqual({
      exit: 2,
      stdout: '',
      stderr: expect.stringContaining(
        `error USAGE: There are no pipelines.\n${empty.dir} is no project, and none is above it: write configs/<name>.yaml`,
      ) as string,
    });
  });

  it('needs neither data nor server, and touches nothing', async () => {
    const before = files();
    await project.flexetl('validate', project.name, '--set', 'source.path=nowhere.csv');
    expect(files()).toEqual(before);
  });
});

describe('plan', () => {
  it('tells columns, partitions, steps, SQL and what the target guarantees, and touches nothing', async () => {
    const long = SALES + SALES.slice(SALES.indexOf('\n') + 1).repeat(4);
    project.write('data/input.csv', long);
    project.configure({ ...SALES_JOB, scalability: { processing: { chunk_size: 1 } } });
    const before = files();
    const { exit, stdout, stderr } = await project.flexetl('plan', project.name);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toMatch(
      new RegExp(
        `source csv, cut into partitions while it is read\\n  data/input\\.csv  ${long.length} bytes\\n  read with encoding: "utf-8", delimiter: ",", quote: "\\\\"", header: true\\n`,
      ),
    );
    expect(stdout).toMatch(/date +date +declared\n/);
    expect(stdout).toMatch(/unit_price +decimal\(18,2\) +declared\n/);
    expect(stdout).toContain('  drop_nulls  rows dropped\n  filter  rows filtered\n');
    expect(stdout).toContain('  aggregate  rows aggregated  needs all rows\n');
    expect(stdout).toMatch(/output {2}date date, product_id string, .*total_revenue decimal\(38,2\)/);
    expect(stdout).toContain(
      'target sqlite output/out.db#result (replace)\n  Readers see the old table until',
    );
    expect(stdout).toContain('\n  Takes rows.\n');
    expect(stdout).toMatch(/sql\n(.|\n)*sum\(.*GROUP BY/);
    expect(files()).toEqual(before);
  });

  it('shows the rules, what follows when one fails, and its thresholds', async () => {
    const set = 'validation.schema.quantity={type: integer, min: 0, fail_when: "> 5%"}';
    const { stdout } = await project.flexetl('plan', project.name, '--set', set);
    expect(stdout).toContain('\nvalidation, on failure fail\n');
    expect(stdout).toMatch(/\n {2}min +quantity +fail +fail > 5%\n/);
  });

  it('gives the same as JSON', async () => {
    const { exit, stdout } = await project.flexetl('plan', project.name, '--json');
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      pipeline: project.name,
      config_digest: expect.stringMatching(/^sha256:/) as string,
      source: { type: 'csv', files: [{ path: 'data/input.csv', bytes: SALES.length }] },
      partitions: 1,
      columns: [
        { name: 'date', type: 'date', from: 'declared', nullable: true, used: true },
        { name: 'product_id' },
        { name: 'product_name' },
        { name: 'quantity', type: 'integer' },
        { name: 'unit_price', type: 'decimal(18,2)' },
      ],
      transformations: [
        { type: 'drop_nulls', scope: 'row', removes: 'dropped' },
        { type: 'filter', scope: 'row', removes: 'filtered' },
        { type: 'aggregate', scope: 'global', removes: 'aggregated' },
      ],
      targets: [
        {
          type: 'sqlite',
          name: 'output/out.db#result',
          mode: 'replace',
          capabilities: { modes: ['replace', 'append', 'merge'], lane: 'rows' },
        },
      ],
    });
  });

  it('tells what is done while the source is read', async () => {
    // Few groups of many rows, with one name for each product: the order of its records does not count.
    const [head = '', ...records] = SALES.replace('P2,Desk,', 'P3,Chair,').split(/(?<=\n)(?=date|2026)/);
    project.write('data/input.csv', head + records.join('').repeat(200));
    project.configure({ ...SALES_JOB });
    const { stdout } = await project.flexetl('plan', project.name);
    expect(stdout).toContain('  aggregate  rows aggregated  while it is read\n');
    expect(stdout).toContain('FROM source_as_typed_rows');
  });

  it('says which columns are guessed and which are not used', async () => {
    project.configure({ transformations: [{ type: 'select', columns: ['quantity'] }] });
    const { stdout } = await project.flexetl('plan', project.name);
    expect(stdout).toMatch(/quantity +integer +inferred from the sample, checked on every row\n/);
    expect(stdout).toMatch(
      /product_name +string +inferred from the sample, checked on every row +not used\n/,
    );
  });

  it('ends as the run would where the target cannot take the rows', async () => {
    const names = Array.from({ length: 2001 }, (_, index) => `c${index}`);
    project.write('data/input.csv', `${names.join(',')}\n${names.map(() => 1).join(',')}\n`);
    project.configure();
    expectError(await project.flexetl('plan', project.name, '--json'), {
      exit: 3,
      code: 'TARGET_INCOMPATIBLE',
      says: ['output/out.db, table result: this pipeline has 2001 columns, a table in SQLite can have 2000.'],
    });
  });

  it('ends as the run would where the source is not there', async () => {
    const outcome = await project.flexetl('plan', project.name, '--json', '--set', 'source.path=data/x.csv');
    expectError(outcome, { exit: 3, code: 'SOURCE_MISSING', says: ['There is no file data/x.csv.'] });
  });
});

describe('preview', () => {
  it('shows the first rows after all transforms, and touches nothing', async () => {
    const before = files();
    expect(await project.flexetl('preview', project.name)).toEqual({
      exit: 0,
      stdout: [
        'date        product_id  product_name  total_quantity  total_revenue',
        '2026-01-01  P1          Lamp                       2           0.20',
        '2026-01-02  P2          Desk\\nlarge                3         299.97',
        '',
      ].join('\n'),
      stderr: 'From all 3 records of the source.\n',
    });
    expect(files()).toEqual(before);
  });

  it('gives rows as JSON, as many as asked for, nulls as null', async () => {
    project.write('data/input.csv', 'a,b\n1,\n2,x\n3,y\n');
    project.configure();
    const { stdout } = await project.flexetl('preview', project.name, '--rows', '2', '--json');
    expect(JSON.parse(stdout)).toEqual({
      rows: [
        { a: '1', b: null },
        { a: '2', b: 'x' },
      ],
      records: 3,
      rejected: 0,
      complete: true,
    });
  });

  it('has the totals of all records where the source is small, not of the first thousand', async () => {
    const records = Array.from({ length: 1_500 }, (_, index) => `P,${index}\n`).join('');
    project.write('data/input.csv', `p,n\n${records}`);
    const total = { type: 'aggregate', group_by: ['p'], aggregations: { total: 'sum(n)' } };
    project.configure({ transformations: [total] });
    const { stdout, stderr } = await project.flexetl('preview', project.name);
    expect(stdout).toBe('p    total\nP  1124250\n');
    expect(stderr).toBe('From all 1,500 records of the source.\n');
  });

  it('leaves out what a run would reject, and says how many', async () => {
    project.write('data/input.csv', 'a\n1\ntwo\n3,4\n5\n');
    project.configure({ validation: { schema: { a: { type: 'integer' } } } });
    const { stdout, stderr } = await project.flexetl('preview', project.name);
    expect(stdout).toBe('a\n1\n5\n');
    expect(stderr).toBe('From all 4 records of the source; 2 of them would be rejected and are left out.\n');
  });

  it.each(['0', '-1', '1.5', 'many', ''])('refuses --rows %j', async (rows) => {
    const outcome = await project.flexetl('preview', project.name, `--rows=${rows}`, '--json');
    expectError(outcome, { exit: 2, code: 'USAGE', says: [`--rows is ${rows}.`] });
  });
});

describe('schema', () => {
  it('prints configs/pipeline.schema.json', async () => {
    const { exit, stdout, stderr } = await project.flexetl('schema');
    const file = join(__dirname, '..', '..', 'configs', 'pipeline.schema.json');
    expect({ exit, stderr, stdout: JSON.parse(stdout) as unknown }).toEqual({
      exit: 0,
      stderr: '',
      stdout: JSON.parse(readFileSync(file, 'utf8')) as unknown,
    });
  });
});

describe('the command line', () => {
  it('helps, with exit 0 when asked to and 2 when it must', async () => {
    const asked = await project.flexetl('--help');
    expect(asked).toMatchObject({ exit: 0, stderr: '' });
    for (const command of [
      'run',
      'validate',
      'plan',
      'preview',
      'schema',
      'status',
      'history',
      'cancel',
      'worker',
      'dev',
    ])
      expect(asked.stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    const bare = await project.flexetl();
    expect(bare).toMatchObject({ exit: 2, stdout: '' });
    expect(bare.stderr).toContain('Usage: flexetl');
    const ofRun = await project.flexetl('run', '--help');
    expect(ofRun).toMatchObject({ exit: 0, stderr: '' });
    expect(ofRun.stdout).toContain('--run-key <key>');
    expect(await project.flexetl('--version')).toEqual({
      exit: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
      stderr: '',
    });
  });

  it.each([
    [['rnu', 'sales'], "unknown command 'rnu'\n(Did you mean run?)"],
    [['run', 'sales', '--jsno'], "unknown option '--jsno'\n(Did you mean --json?)"],
    [['plan', 'a', 'b'], "too many arguments for 'plan'"],
    [['run', '--config'], "option '--config <file>' argument missing"],
    [['cancel'], "missing required argument 'name'"],
  ])('refuses %j with exit 2', async (argv, says) => {
    const { exit, stdout, stderr } = await project.flexetl(...argv);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toContain(`error: ${says}`);
    const [command = '', ...rest] = argv;
    const json = await project.flexetl(command, '--json', ...rest);
    expect(json.exit).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'USAGE' } });
  });

  it('tells of a server that went away in the middle', () => {
    let said = '';
    const stderr = { write: (text: string) => (said += text) };
    const error = Object.assign(new Error('Failed to get Workflow execution history'), {
      name: 'ServiceError',
      cause: new Error('14 UNAVAILABLE: connection refused'),
    });
    const context = { stderr, stdout: stderr, json: false, debug: false } as unknown as Parameters<
      typeof printError
    >[0];
    expect(printError(context, error)).toBe(EXIT.runFailed);
    expect(said).toBe(
      'error SERVER_UNREACHABLE: The Temporal server failed: Failed to get Workflow execution history: 14 UNAVAILABLE: connection refused.\n' +
        'Start the server and run the pipeline again: an open run then continues.\n',
    );
  });

  it('asks for a report of what should never happen', () => {
    let said = '';
    const stderr = { write: (text: string) => (said += text) };
    const context = { stderr, stdout: stderr, json: false, debug: false } as unknown as Parameters<
      typeof printError
    >[0];
    expect(printError(context, new TypeError('x is undefined'))).toBe(EXIT.runFailed);
    expect(said).toBe(
      'error INTERNAL: Unexpected: x is undefined\nRun again with --debug for the stack trace, and please report it.\n',
    );
  });
});
