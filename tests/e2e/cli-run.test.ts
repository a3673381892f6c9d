import { existsSync, readFileSync } from 'node:fs';
import type { RunReport } from '../../pipeline/report';
import { closeProjects, openProject, reportOf, type Outcome, type Project } from '../support/project';
import { expectError } from '../support/refusal';
import { readRunReport } from '../support/report';
import { SALES_JOB } from '../support/sales';

const SALES = `date,product_id,product_name,quantity,unit_price
2026-01-01,P1,"Lamp, small",2,0.10
2026-01-01,P1,Lamp,1,0.20
2026-01-01,P2,Desk,0,99.99
2026-01-02,P2,Desk,3,99.99
2026-01-02,,Desk,3,99.99
`;
const RESULT = [
  ['2026-01-01', 'P1', 'Lamp, small', '3', '0.4'],
  ['2026-01-02', 'P2', 'Desk', '3', '299.97'],
];
/** So many chunks that a command can be watched and joined. */
const MANY_CHUNKS = {
  scalability: { processing: { chunk_size: 1 } },
  transformations: [{ type: 'aggregate', aggregations: { rows: 'count(id)' } }],
};
const many = (records: number): string =>
  `id,text\n${Array.from({ length: records }, (_, index) => `${index},${'x'.repeat(80)}\n`).join('')}`;

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let project: Project;
beforeEach(() => {
  project = openProject();
  project.write('data/input.csv', SALES);
  project.configure(SALES_JOB);
});
afterEach(closeProjects);

const run = (...argv: string[]): Promise<Outcome> => project.flexetl('run', project.name, ...argv);

describe('run', () => {
  it('loads the pipeline and prints what became of every row', async () => {
    const { exit, stdout, stderr } = await run();
    expect(exit).toBe(0);
    expect(stdout).toMatch(new RegExp(`^✔ ${project.name} succeeded in .* {3}run 2\\d{3}-`));
    expect(stdout).toContain(
      'rows     5 read = 1 dropped + 1 filtered + 3 aggregated into 2 groups   balanced',
    );
    expect(stdout).toContain('target   sqlite output/out.db#result (replace): 2 rows published');
    expect(stdout).toMatch(/steps {4}prepare .*, extract .*, validate .*, transform .*, load .*, publish /);
    expect(stdout).toContain(`web ui   workflow flexetl/test/${project.name}, namespace default, on `);
    const [, path = ''] = /report {3}(output\/reports\/.*\.json)$/m.exec(stdout) ?? [];
    expect(existsSync(project.path(path))).toBe(true);
    expect(stderr).not.toContain('error');
    const log = readFileSync(project.path('logs', 'flexetl.log'), 'utf8');
    expect(log).toMatch(new RegExp(`INFO: ${project.name} prepared: ${SALES.length} bytes, run 2`));
    expect(log).toMatch(
      new RegExp(`INFO: ${project.name} succeeded in .*: 5 rows read, 2 into output/out.db#result, run 2`),
    );
    expect(project.rows()).toEqual(RESULT);
    expect(project.leftovers()).toEqual([]);
  });

  it('gives with --json the report, field by field, and nothing else on stdout', async () => {
    const outcome = await run('--json', '--run-key', 'k1');
    expect(outcome.exit).toBe(0);
    const report = reportOf(outcome);
    const step = { duration_ms: expect.any(Number) as number, attempts: 1 };
    const expected: RunReport = {
      pipeline: project.name,
      run_key: 'k1',
      workflow_id: `flexetl/test/${project.name}`,
      status: 'succeeded',
      config_digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      started_at: expect.stringMatching(TIME) as string,
      duration_ms: expect.any(Number) as number,
      rows: {
        read: 5,
        rejected: 0,
        quarantined: 0,
        dropped: 1,
        filtered: 1,
        deduplicated: 0,
        aggregated: 3,
        output: 2,
      },
      balanced: true,
      transforms: [
        { type: 'drop_nulls', rows_in: 5, rows_out: 4 },
        { type: 'filter', rows_in: 4, rows_out: 3 },
        { type: 'aggregate', rows_in: 3, rows_out: 2 },
      ],
      checks: [{ name: 'type', severity: 'reject', status: 'passed', failing_rows: 0 }],
      targets: [
        {
          type: 'sqlite',
          name: 'output/out.db#result',
          mode: 'replace',
          rows_loaded: 2,
          rows_inserted: 2,
          rows_updated: 0,
          status: 'published',
          published_at: expect.stringMatching(TIME) as string,
        },
      ],
      steps: { prepare: step, extract: step, validate: step, transform: step, load: step, publish: step },
      dead_letter: { path: null, records: 0 },
      source: {
        files: [{ path: 'data/input.csv', bytes: SALES.length, fingerprint: expect.any(String) as string }],
        columns: [
          { name: 'date', type: 'date' },
          { name: 'product_id', type: 'string' },
          { name: 'product_name', type: 'string' },
          { name: 'quantity', type: 'integer' },
          { name: 'unit_price', type: 'decimal(18,2)' },
        ],
      },
      warnings: [],
      error: null,
    };
    expect(report).toEqual({ ...expected, joined: false });
    const same = readRunReport(project.dir, project.name, 'k1');
    expect({ ...same, joined: false }).toEqual(report);
  });

  it('writes the same report on failure, with the error', async () => {
    project.write('data/input.csv', SALES.replace('0.20', 'cheap'));
    const outcome = await run('--json', '--run-key', 'k1');
    const report = expectError(outcome, {
      exit: 1,
      code: 'RECORDS_REJECTED',
      says: ['data/input.csv:3 unit_price: "cheap" not a decimal'],
    });
    expect(report).toMatchObject({
      status: 'failed',
      balanced: false,
      rows: { read: 5, rejected: 1, output: 0 },
      targets: [],
      error: {
        code: 'RECORDS_REJECTED',
        message: '1 of 5 records does not fit.',
        hint: expect.stringContaining('Nothing was loaded.') as string,
        step: 'validate',
        places: [
          {
            file: 'data/input.csv',
            line: 3,
            record: 2,
            column: 'unit_price',
            value: 'cheap',
            reason: 'not a decimal',
          },
        ],
      },
    });
    const same = readRunReport(project.dir, project.name, 'k1');
    expect({ ...same, joined: false }).toEqual(report);
  });

  it('tells of a failure in one short paragraph, and shows the stack with --debug', async () => {
    project.write('data/input.csv', SALES.replace('0.20', 'cheap'));
    const plain = await run();
    expect(plain.exit).toBe(1);
    expect(plain.stdout).toMatch(/^✘ .* failed in .*\n {2}rows {5}5 read, 1 rejected\n/);
    expect(plain.stderr).not.toMatch(/^ {2,}at /m);
    expect(plain.stderr.trimEnd().split('\n').slice(-3)).toEqual([
      'error RECORDS_REJECTED: 1 of 5 records does not fit.',
      '  data/input.csv:3 unit_price: "cheap" not a decimal',
      expect.stringContaining('Nothing was loaded.'),
    ]);
    expect((await run('--debug')).stderr).toMatch(/^ +at .*validate/m);
    const refused = await project.flexetl('run', 'nope', '--debug');
    expect(refused).toMatchObject({ exit: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^ +at .*config-file/m);
  });

  it('takes any file with --config', async () => {
    project.configure(SALES_JOB);
    const text = readFileSync(project.path('configs', `${project.name}.yaml`), 'utf8');
    project.write('elsewhere/job.yaml', text);
    const outcome = await project.flexetl('run', '--config', 'elsewhere/job.yaml', '--json');
    expect(reportOf(outcome)).toMatchObject({ pipeline: project.name, status: 'succeeded' });
  });

  it('wants one pipeline, named once', async () => {
    const usage = (says: string) => ({ exit: 2, code: 'USAGE' as const, says: [says] });
    expectError(await project.flexetl('run', '--json'), usage(`Name one of: ${project.name}`));
    expectError(await run('--json', '--config', 'x.yaml'), usage('Give one of them.'));
    expectError(await run('--json', '--run-key', ''), usage('--run-key is "".'));
    expectError(await run('--json', '--run-key', 'a\nb'), usage('--run-key is "a\\nb".'));
  });

  it('changes the pipeline with --set, and says in the digest that it is another', async () => {
    project.write('data/other.csv', SALES.replaceAll('P2', 'P9'));
    const first = reportOf(await run('--json'));
    const set = ['--set', 'source.path=data/other.csv', '--set', 'targets.0.table=other'];
    const second = reportOf(await run('--json', ...set));
    expect(second.config_digest).not.toBe(first.config_digest);
    expect(second.targets[0]?.name).toBe('output/out.db#other');
    expect(project.rows()).toEqual(RESULT);
    expect(project.rows('other')?.map(([, product]) => product)).toEqual(['P1', 'P9']);
  });

  it('loads once under one run key, and again under another', async () => {
    project.configure({
      ...SALES_JOB,
      targets: [{ type: 'sqlite', database: 'output/out.db', table: 'result', mode: 'append' }],
    });
    const succeeded = { status: 'succeeded', balanced: true };
    expect(reportOf(await run('--json', '--run-key', 'k1'))).toMatchObject({
      ...succeeded,
      run_key: 'k1',
      targets: [{ rows_loaded: 2, status: 'published' }],
    });
    const same = await run('--json', '--run-key', 'k1');
    expect(reportOf(same)).toMatchObject({
      ...succeeded,
      run_key: 'k1',
      rows: { read: 0, output: 0 },
      targets: [{ rows_loaded: 0, status: 'published', already: { run_key: 'k1', rows: 2 } }],
    });
    expect(same.stderr).toContain('warning: output/out.db#result: already loaded by run k1 at 20');
    expect(project.rows()).toEqual(RESULT);
    await run('--json', '--run-key', 'k2');
    expect(project.rows()).toEqual([...RESULT, ...RESULT]);
  });

  it('appends the same files once without a run key, and again when that is asked for', async () => {
    project.configure({
      ...SALES_JOB,
      targets: [{ type: 'sqlite', database: 'output/out.db', table: 'result', mode: 'append' }],
    });
    const first = reportOf(await run('--json'));
    const second = await run();
    expect(second.exit).toBe(0);
    expect(second.stdout).toContain(
      `target   sqlite output/out.db#result (append): already loaded by run ${first.run_key}: 2 rows, 0 rows now`,
    );
    expect(second.stderr).toMatch(/already loaded by run .*, 0 rows now\. --again loads them again\.$/m);
    expect(project.rows()).toEqual(RESULT);
    await run('--again');
    expect(project.rows()).toEqual([...RESULT, ...RESULT]);
    const both = await run('--again', '--run-key', 'k3');
    expect(both).toMatchObject({ exit: 2, stderr: expect.stringContaining("'--run-key <key>'") as string });
  });

  it('refuses a run key that belongs to another file, and names both', async () => {
    project.configure({
      ...SALES_JOB,
      targets: [{ type: 'sqlite', database: 'output/out.db', table: 'result', mode: 'replace' }],
    });
    expect((await run('--run-key', 'k1')).stdout).toContain('  report   output/reports/');
    // The report under this key stays that of the run that has loaded the rows.
    const repeated = await run('--run-key', 'k1');
    expect(repeated).toMatchObject({ exit: 0, stdout: expect.stringContaining('already loaded by run k1') });
    expect(repeated.stdout).not.toContain('  report   ');
    project.write('data/input.csv', SALES.replace('0.20', '0.30'));
    const { exit, stdout, stderr } = await run('--run-key', 'k1');
    expect(exit).toBe(2);
    expect(stdout).not.toContain('  report   ');
    expect(stderr).toMatch(
      /^error KEY_REUSED: Run key "k1" has loaded data\/input\.csv .*; now it is asked to load data\/input\.csv /m,
    );
    expect(project.rows()).toEqual(RESULT);
  });

  it('shows a bar on a terminal, and only there', async () => {
    project.write('data/input.csv', many(16));
    project.configure(MANY_CHUNKS);
    project.terminal = true;
    const bar = await run();
    expect(bar.exit).toBe(0);
    expect(bar.stderr).toMatch(/[█░]+ \d+ % \| extract \d+\/\d+ \| \d+ rows read/);
    expect(bar.stderr).not.toContain('INFO');
    project.terminal = false;
    const lines = await run();
    expect(lines.stderr).toMatch(/INFO: \d+ % extract \d+\/\d+, \d+ rows read/);
    expect(lines.stderr).not.toMatch(/[█░]/);
  });
});

describe('run --detach', () => {
  it('starts the run and returns; the next run goes on with it', async () => {
    const started = await run('--detach', '--json', '--run-key', 'k1');
    expect(started).toMatchObject({ exit: 0, stderr: project.usesServer() });
    const workflow_id = `flexetl/test/${project.name}`;
    expect(JSON.parse(started.stdout)).toEqual({ workflow_id, run_key: 'k1', joined: false });
    expect(project.rows()).toBeUndefined();
    const joined = await run('--json');
    expect(joined.exit).toBe(0);
    expect(joined.stderr).toContain('Resuming run k1, open since 2');
    expect(reportOf(joined)).toMatchObject({ run_key: 'k1', status: 'succeeded', joined: true });
    expect(project.rows()).toEqual(RESULT);
  });

  it('says what it has started', async () => {
    expect(await run('--detach')).toEqual({
      exit: 0,
      stdout: `Started flexetl/test/${project.name}.\n`,
      stderr: project.usesServer(),
    });
    await project.flexetl('cancel', project.name);
  });
});
