import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { main } from '../../client/cli';
import { listReports } from '../../engine/report/list-reports';
import { openReportWriter } from '../../engine/report/write-report';
import { LIMITS } from '../../pipeline/limits';
import type { ReportFile } from '../../pipeline/report';
import { writeReport } from '../../runtime/report-file';
import { stageAll } from '../support/engine';
import { makeFolder } from '../support/folder';
import { exampleReport, reportOf } from '../support/report';

interface Answer {
  code: number;
  out: string;
  err: string;
}

/** A project with the report of a run whose 30 records fail a rule, two of them another. */
async function withDirtyRun(
  work: (dir: string, report: (...args: string[]) => Promise<Answer>) => Promise<void>,
) {
  const csv = [
    'id,day',
    ...Array.from({ length: 30 }, (_, index) => `x${index},${index < 2 ? '' : '2026-01-01'}`),
  ];
  const schema = { id: { type: 'integer' }, day: { type: 'date', nullable: false } };
  await stageAll({ csv: csv.join('\n'), schema }, async (staging) => {
    const report = reportOf(staging, { pipeline: 'shop/orders', run_key: 'run 7' });
    await (await openReportWriter(staging.deps, report, staging.context)).write(report);
    await work(staging.dir, (...args) => ask(staging.dir, args));
  });
}

async function ask(dir: string, args: readonly string[]): Promise<Answer> {
  mkdirSync(join(dir, 'configs'), { recursive: true });
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const streams = { stdout, stderr, env: {}, cwd: dir, onInterrupt: () => () => undefined };
  const code = await main(['report', ...args], streams);
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

describe('flexetl report', () => {
  it('shows a run, its rules and the first verdicts, without a server', () =>
    withDirtyRun(async (_, report) => {
      const { code, out, err } = await report('shop/orders');
      expect(code).toBe(0);
      expect(out).toContain('✘ shop/orders failed');
      expect(out).toMatch(/type +id +30 +100 %\nnullable +day +2 +6\.7 %\n/);
      expect(out).toContain('in/0.csv:2 id type: "x0" not an integer\nin/0.csv:2 day nullable:');
      expect(out.match(/^in\/0\.csv:/gm)).toHaveLength(LIMITS.placesMax);
      expect(err).toContain('The first 20 of 32 verdicts; --all prints all of them.');
    }));

  it('prints all verdicts, or those of one rule, as lines and as JSON', () =>
    withDirtyRun(async (_, report) => {
      expect((await report('shop/orders', '--all')).out.split('\n')).toHaveLength(33);
      expect((await report('run 7', '--rule', 'nullable')).out).toBe(
        'in/0.csv:2 day nullable: null in a column that is not nullable\nin/0.csv:3 day nullable: null in a column that is not nullable\n',
      );
      const all = JSON.parse((await report('--all', '--json')).out) as { rule: string; line: number }[];
      expect(all.map(({ rule, line }) => `${line} ${rule}`).slice(0, 3)).toEqual([
        '2 type',
        '2 nullable',
        '3 type',
      ]);
      expect(all).toHaveLength(32);
      const whole = JSON.parse(
        (await report('shop/orders', '--run-key', 'run 7', '--json')).out,
      ) as ReportFile;
      expect(whole).toMatchObject({ pipeline: 'shop/orders', verdicts: { count: 32 } });
    }));

  it('says what it does not find, and what there is', () =>
    withDirtyRun(async (dir, report) => {
      expect(await report('shop/order')).toMatchObject({ code: 2, out: '' });
      expect((await report('shop/order')).err).toContain('Did you mean "shop/orders"?');
      expect((await report('shop/orders', '--rule', 'typ')).err).toContain('Did you mean "type"?');
      expect((await report('--trend', 'x')).err).toContain('No report of a run of x.');
      await writeReport(dir, exampleReport({ pipeline: 'other', run_key: 'run 7' }));
      const { code, err } = await report('run 7');
      expect([code, err]).toEqual([
        2,
        expect.stringContaining('Several pipelines have a run run 7: other, shop/orders.'),
      ]);
      expect(await ask(makeFolder(), [])).toMatchObject({
        code: 2,
        err: expect.stringContaining('There are no reports.') as string,
      });
    }));

  it('shows the trend of a pipeline: its newest runs, whatever the order of the files', async () => {
    const dir = makeFolder();
    for (let run = 0; run < LIMITS.trendRunsMax + 3; run += 1) {
      const day = new Date(Date.UTC(2026, 0, 1 + run)).toISOString();
      await writeReport(dir, exampleReport({ run_key: `r${run}`, started_at: day, duration_ms: run }));
    }
    writeFileSync(join(dir, 'output/reports/p/broken.json'), '{');
    const runs = await listReports(dir, 'p');
    expect(runs.map(({ run_key }) => run_key)).toEqual(
      Array.from({ length: LIMITS.trendRunsMax }, (_, index) => `r${index + 3}`).filter((key) =>
        runs.some((run) => run.run_key === key),
      ),
    );
    const lines = (await ask(dir, ['--trend', 'p'])).out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^started +status +read +bad/);
    expect(lines[1]).toMatch(/^2026-02-02 00:00:00 +succeeded +10 +0 +0 % +7 +32 ms +r32$/);
    const [newest] = JSON.parse((await ask(dir, ['--trend', 'p', '--json'])).out) as object[];
    expect(newest).toMatchObject({ run_key: 'r32', status: 'succeeded', rows: { read: 10 }, rows_loaded: 7 });
  });
});
