import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv/dist/2020';
import { validateRun } from '../../engine/validate';
import { openReportWriter } from '../../engine/report/write-report';
import { readVerdicts, type Verdict } from '../../engine/report/read-verdicts';
import type { ReportFile } from '../../pipeline/report';
import { stageAll, type EngineInput, type Staging } from '../support/engine';
import { exampleReport, reportOf } from '../support/report';

/** Every second record of 400 does not fit; some fail two rules. */
const DIRTY = [
  'id,day,name',
  ...Array.from({ length: 400 }, (_, index) =>
    index % 2 === 0 ? `${index},2026-01-01,n${index}` : `x${index},${index % 10 === 1 ? '' : '2026-01-01'},n`,
  ),
].join('\n');
const SCHEMA = { id: { type: 'integer' }, day: { type: 'date', nullable: false } };
const BAD = Array.from({ length: 400 }, (_, index) => index).filter((index) => index % 2 === 1);

const folder = ({ dir }: Staging): string => join(dir, 'output/reports/p');
const readReport = (staging: Staging): ReportFile =>
  JSON.parse(readFileSync(join(folder(staging), 'k.json'), 'utf8')) as ReportFile;

async function write(staging: Staging, report = reportOf(staging)): Promise<ReportFile> {
  await (await openReportWriter(staging.deps, report, staging.context)).write(report);
  return readReport(staging);
}

async function verdictsOf(staging: Staging, report = readReport(staging)): Promise<Verdict[]> {
  const found: Verdict[] = [];
  for await (const verdict of readVerdicts(staging.dir, report)) found.push(verdict);
  return found;
}

describe('the verdicts of a run', () => {
  it('are all in one file, in the order of the source, over all parts and rules', () =>
    stageAll({ csv: DIRTY, schema: SCHEMA, cutBytes: 3000 }, async (staging) => {
      expect(staging.results.length).toBeGreaterThan(1);
      const { verdicts } = await write(staging);
      expect(verdicts).toMatchObject({ count: 240, complete: true });
      expect(verdicts?.rules.map(({ rule, column, failing_rows }) => [rule, column, failing_rows])).toEqual([
        ['type', 'id', 200],
        ['nullable', 'day', 40],
      ]);
      expect(verdicts?.rules[1]?.examples.map(({ line }) => line)).toEqual([3, 13, 23, 33, 43]);
      const expected = BAD.flatMap((index) => [
        `${index + 2} id type x${index}`,
        ...(index % 10 === 1 ? [`${index + 2} day nullable null`] : []),
      ]);
      const found = await verdictsOf(staging);
      expect(found.map(({ line, column, rule, value }) => `${line} ${column} ${rule} ${value}`)).toEqual(
        expected,
      );
      expect(found[0]).toMatchObject({ file: 'in/0.csv', record: 2, raw: 'x1,,n' });
    }));

  it('end with the rows that fail checks of the input as a whole, all of them', () => {
    const quality_checks = [{ type: 'no_duplicates', options: { columns: ['k'] } }];
    const csv = `n,k\n${Array.from({ length: 100 }, (_, index) => `x${index},same\n`).join('')}1,x\n`;
    return stageAll({ csv, quality_checks, cutBytes: 200 }, async (staging) => {
      const run = { project: 'test', pipeline: 'p', runKey: 'k' };
      await expect(validateRun(staging.deps, { run }, staging.context)).rejects.toMatchObject({
        code: 'CHECK_FAILED',
      });
      expect((await write(staging)).verdicts).toMatchObject({ count: 99, complete: true });
      const found = await verdictsOf(staging);
      expect(found.map(({ line }) => line)).toEqual(Array.from({ length: 99 }, (_, index) => index + 3));
      expect(found[0]).toMatchObject({
        column: 'k',
        rule: 'no_duplicates',
        value: 'same',
        reason: 'the key of an earlier row',
        raw: 'x1,same',
      });
    });
  });

  it('of a run that ended before it had read everything are those of the parts that it has', () =>
    stageAll({ csv: DIRTY, schema: SCHEMA, cutBytes: 3000 }, async (staging) => {
      await staging.context.staging.remove('extract/00001');
      const { validate: _, ...steps } = exampleReport().steps;
      const { verdicts, profile, profile_missing } = await write(staging, reportOf(staging, { steps }));
      expect(verdicts?.complete).toBe(false);
      expect(verdicts?.count).toBeLessThan(240);
      expect(profile).toBeUndefined();
      expect(profile_missing).toContain('ended before');
    }));

  it('of an earlier run of the same key are gone when no record fails any more', () =>
    stageAll({ csv: 'id\n1\n' }, async (staging) => {
      await write(staging);
      const file = join(folder(staging), 'k.verdicts.parquet');
      writeFileSync(file, 'old');
      const again = reportOf(staging, { started_at: '2026-11-24T00:00:00.000Z' });
      expect((await write(staging, again)).verdicts).toBeUndefined();
      expect(existsSync(file)).toBe(false);
    }));
});

describe('a report that is written again', () => {
  it('by another attempt keeps what was found while the parts were there', () =>
    stageAll({ csv: DIRTY, schema: SCHEMA }, async (staging) => {
      const first = await write(staging);
      await staging.context.staging.remove('');
      const warned = reportOf(staging, { warnings: ['late'] });
      expect(await write(staging, warned)).toEqual({ ...first, warnings: ['late'] });
      expect(await verdictsOf(staging)).toHaveLength(240);
      expect(readFileSync(join(folder(staging), 'k.html'), 'utf8')).toContain('late');
    }));

  it('leaves no drafts, also of attempts that were killed', () =>
    stageAll({ csv: DIRTY, schema: SCHEMA }, async (staging) => {
      await write(staging);
      writeFileSync(join(folder(staging), 'k.verdicts.parquet.0000.tmp'), 'half');
      writeFileSync(join(folder(staging), 'k.html.0000.tmp'), 'half');
      await write(staging, reportOf(staging, { started_at: '2026-11-24T00:00:00.000Z' }));
      expect(readdirSync(folder(staging)).sort()).toEqual(['k.html', 'k.json', 'k.verdicts.parquet']);
    }));
});

describe('validation.report', () => {
  const csv = 'g,n\na,1\na,2\nb,3\n';

  const withSettings = async (staging: Staging, report: { html: boolean; profile: boolean }) => {
    const { plan, context } = staging;
    const validation = { ...plan.config.validation, report };
    await context.staging.commit('plan', { ...plan, config: { ...plan.config, validation } });
    return write(staging);
  };

  it('turns the page and the profile off', () =>
    stageAll({ csv }, async (staging) => {
      const report = await withSettings(staging, { html: false, profile: false });
      expect(report.profile).toBeUndefined();
      expect(report.profile_missing).toContain('turned off');
      expect(readdirSync(folder(staging))).toEqual(['k.json']);
    }));

  it('costs no rows: a run that stages partial groups has no profile, and says so', async () => {
    const aggregate = { type: 'aggregate', options: { group_by: ['g'], aggregations: { s: 'sum(n)' } } };
    const rows = Array.from({ length: 20_000 }, (_, index) => `${index % 3},${index}`).join('\n');
    const input: EngineInput = { csv: `g,n\n${rows}\n`, transformations: [aggregate] };
    await stageAll(input, async (staging) => {
      expect(staging.plan.groups).toBe(true);
      const report = await write(staging);
      expect(report.profile).toBeUndefined();
      expect(report.profile_missing).toContain('grouped while they were read');
    });
  });
});

describe('docs/report.schema.json', () => {
  const schema = JSON.parse(readFileSync(join(__dirname, '../../docs/report.schema.json'), 'utf8')) as object;
  const validate = new Ajv().compile(schema);

  it('describes the reports of runs that failed and that succeeded', async () => {
    const dirty = { csv: DIRTY, schema: SCHEMA };
    for (const input of [dirty, { csv: 'id,day\n1,2026-01-01\n' }]) {
      const report = await stageAll(input, (staging) => write(staging));
      validate(report);
      expect(validate.errors).toBeNull();
    }
  });

  it.each([
    ['a status of its own', { status: 'done' }],
    ['rows without a field', { rows: { read: 1 } }],
    ['a check without a severity', { checks: [{ name: 'type', status: 'passed', failing_rows: 0 }] }],
    ['a number as text', { duration_ms: '12' }],
  ])('refuses %s', (_, changes) => {
    expect(validate({ ...exampleReport(), ...changes })).toBe(false);
    expect(validate({ ...exampleReport(), of_a_later_version: 1 })).toBe(true);
  });
});
