/** Ctrl-C, with real signals on real processes; the second one too. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { generateSales, SALES_DEFAULTS, type SalesTotals } from '../../bench/generate';
import { makeFolder } from '../support/folder';
import { closeProjects, openProject, reportOf, type Outcome, type Project } from '../support/project';
import { SALES_JOB } from '../support/sales';

const file = join(makeFolder(), 'sales.csv');
let totals: SalesTotals;
let project: Project;

beforeAll(async () => {
  totals = await generateSales(file, { ...SALES_DEFAULTS, rows: 400_000, groups: 5_000 });
});
beforeEach(() => {
  project = openProject();
  project.configure({
    source: { type: 'csv', path: file },
    ...SALES_JOB,
    // Many chunks: the run takes a few seconds, whatever the machine.
    scalability: { processing: { chunk_size: 8_000 } },
  });
});
afterEach(closeProjects);

/** Fifty chunks: some seconds of work, but a minute where twenty processes share the processors. */
const WHOLE_RUN_MS = 150_000;
jest.setTimeout(240_000);

/** When the run is in the middle of its input. */
const MIDWAY = /extract [1-9]\d*\/\d+/;

function expectNothingPublished(): void {
  expect(project.rows()).toBeUndefined();
  expect(project.leftovers()).toEqual([]);
}

function expectExact(outcome: Outcome): void {
  expect(outcome).toMatchObject({ exit: 0 });
  expect(reportOf(outcome)).toMatchObject({ status: 'succeeded', balanced: true, rows: totals.rows });
  const sums = (project.rows() ?? []).reduce(
    (sum, [, , , quantity, revenue]) => ({
      quantity: sum.quantity + BigInt(quantity ?? ''),
      cents: sum.cents + cents(revenue ?? ''),
    }),
    { quantity: 0n, cents: 0n },
  );
  expect(sums).toEqual({ quantity: BigInt(totals.quantity), cents: cents(totals.revenue) });
  expect(project.leftovers()).toEqual([]);
}

function cents(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(2, '0'));
}

describe.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s in the middle of a run', (signal, exit) => {
  it('cancels the run: its exit code, a report that says so, nothing published, nothing left', async () => {
    const running = project.start('run', project.name, '--json');
    await running.says(MIDWAY);
    running.child.kill(signal);
    const outcome = await running.ended();
    expect(outcome.exit).toBe(exit);
    expect(outcome.stderr).toContain('Cancelling… (Ctrl-C again leaves at once');
    expect(outcome.stderr).toContain('error CANCELLED: The run was cancelled.');
    const report = reportOf(outcome);
    expect(report).toMatchObject({ status: 'cancelled', balanced: false, error: { code: 'CANCELLED' } });
    expect(report.rows.read).toBeLessThan(totals.rows.read);
    expect(existsSync(project.path('output', 'reports', project.name, `${report.run_key}.json`))).toBe(true);
    expectNothingPublished();
    expectExact(await project.start('run', project.name, '--json').ended(WHOLE_RUN_MS));
  });
});

describe('Ctrl-C twice', () => {
  it('leaves at once with exit 130; the next run cleans up, begins anew and ends exact', async () => {
    const running = project.start('run', project.name, '--json');
    await running.says(MIDWAY);
    running.child.kill('SIGINT');
    await running.says(/Cancelling…/);
    const pressedMs = Date.now();
    running.child.kill('SIGINT');
    const outcome = await running.ended();
    expect(outcome.exit).toBe(130);
    expect(outcome.stdout).toBe('');
    // Leaving is bounded by two seconds; the rest is the machine's.
    expect(Date.now() - pressedMs).toBeLessThan(4_000);
    expectExact(await project.start('run', project.name, '--json').ended(WHOLE_RUN_MS));
  });
});

describe('Ctrl-C in a command that runs nothing', () => {
  it('ends a run that waits for workers elsewhere, by cancelling it', async () => {
    const running = project.start('run', project.name, '--json', '--no-worker');
    const worker = project.start('worker');
    await running.says(MIDWAY);
    running.child.kill('SIGINT');
    expect(reportOf(await running.ended()).status).toBe('cancelled');
    worker.child.kill('SIGTERM');
    expect(await worker.ended()).toMatchObject({ exit: 0, stdout: '' });
    expectNothingPublished();
  });
});
