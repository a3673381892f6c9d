import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bytes } from '../../pipeline/markdown';
import { defaultPayloadConverter } from '@temporalio/common';
import { awaitReport } from '../../control/await-report';
import type { RunReport } from '../../pipeline/report';
import { findTemporalServer } from '../../server/temporal-server';
import { progressQuery, reportQuery, workflowIdOf } from '../../workflows/messages';
import type { pipeline } from '../../workflows/pipeline';
import { readRunReport } from '../support/report';
import { salesCsv, SALES_JOB, salesTruth, sortRows, plainDecimal, type Sale } from '../support/sales';
import {
  createGate,
  openHarness,
  sqliteTarget,
  type Harness,
  type RunHandle,
} from '../support/worker-harness';

const SALES: Sale[] = Array.from({ length: 60 }, (_, index) => ({
  date: `2026-01-0${1 + (index % 3)}`,
  product_id: index % 10 === 9 ? '' : `P${index % 4}`,
  product_name: `Name, ${index % 4}`,
  quantity: String(index % 5),
  unit_price: `${index}.${index % 7}5`,
}));
const TRUTH = salesTruth(SALES);

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
  harness.write('data/sales.csv', salesCsv(SALES));
});
afterEach(() => harness.mend());
afterAll(() => harness.close());

const addSales = (chunk_size = 16, database = 'sales.db'): string =>
  harness.addPipeline({
    source: { path: 'data/sales.csv' },
    ...SALES_JOB,
    targets: [sqliteTarget('revenue', 'replace', database)],
    scalability: { processing: { chunk_size, parallel_workers: 2 } },
  });

async function detailsOf(handle: RunHandle): Promise<string> {
  const metadata = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails ?? '';
}

describe('a run', () => {
  let name: string;
  let handle: RunHandle;
  let report: RunReport;
  beforeAll(async () => {
    name = addSales();
    handle = await harness.start({ name, run_key: 'key/1', request_digest: 'sha256:x' });
    report = await handle.result();
  });

  it('ends with a report in which every row is accounted for', () => {
    const nothing = { rejected: 0, quarantined: 0, deduplicated: 0 };
    expect(report).toEqual({
      pipeline: name,
      run_key: 'key/1',
      workflow_id: `flexetl/test/${name}`,
      status: 'succeeded',
      config_digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      started_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      duration_ms: expect.any(Number) as number,
      rows: { ...TRUTH.rows, ...nothing },
      balanced: true,
      transforms: [
        { type: 'drop_nulls', rows_in: 60, rows_out: 60 - TRUTH.rows.dropped },
        { type: 'filter', rows_in: 60 - TRUTH.rows.dropped, rows_out: TRUTH.rows.aggregated },
        { type: 'aggregate', rows_in: TRUTH.rows.aggregated, rows_out: TRUTH.rows.output },
      ],
      checks: [{ name: 'type', severity: 'reject', status: 'passed', failing_rows: 0 }],
      targets: [
        {
          type: 'sqlite',
          name: 'sales.db#revenue',
          mode: 'replace',
          rows_loaded: TRUTH.rows.output,
          rows_inserted: TRUTH.rows.output,
          rows_updated: 0,
          status: 'published',
          published_at: expect.any(String) as string,
        },
      ],
      steps: Object.fromEntries(
        ['prepare', 'extract', 'validate', 'transform', 'load', 'publish'].map((step) => [
          step,
          { duration_ms: expect.any(Number) as number, attempts: 1 },
        ]),
      ) as RunReport['steps'],
      dead_letter: { path: null, records: 0 },
      source: {
        columns: [
          { name: 'date', type: 'date' },
          { name: 'product_id', type: 'string' },
          { name: 'product_name', type: 'string' },
          { name: 'quantity', type: 'integer' },
          { name: 'unit_price', type: 'decimal(18,2)' },
        ],
        files: [
          {
            path: 'data/sales.csv',
            bytes: salesCsv(SALES).length,
            fingerprint: expect.any(String) as string,
          },
        ],
      },
      warnings: [],
      error: null,
    });
  });

  it('loads exactly the rows that the file asks for', () => {
    const rows = harness.query('sales.db', 'SELECT * FROM revenue');
    expect(
      sortRows(rows.map((row) => row.map((value, at) => (at > 2 ? plainDecimal(value) : String(value))))),
    ).toEqual(TRUTH.groups);
  });

  it('keeps its report as a file and nothing in staging', () => {
    const folder = join(harness.dir, 'output', 'reports', name);
    const files = readdirSync(folder).sort();
    expect(files.map((file) => file.replace(/-[0-9a-f]{12}/, ''))).toEqual(['key-1.html', 'key-1.json']);
    const key = files[1]?.replace('.json', '') ?? '';
    expect(readRunReport(harness.dir, name, key)).toEqual(report);
    expect(harness.staged(name)).toEqual([]);
  });

  it('has its key and digest in the memo, for lists of runs', async () => {
    const { memo, status } = await handle.describe();
    expect([memo?.['run_key'], memo?.['request_digest'], status.name]).toEqual([
      'key/1',
      'sha256:x',
      'COMPLETED',
    ]);
  });

  it('names every activity in words that tell which part it works on', async () => {
    const { events = [] } = await handle.fetchHistory();
    const calls = (events ?? []).flatMap(({ userMetadata, activityTaskScheduledEventAttributes: call }) =>
      userMetadata?.summary && call
        ? [[call.activityType?.name, defaultPayloadConverter.fromPayload<string>(userMetadata.summary)]]
        : [],
    );
    const [file] = report.source.files;
    for (const step of ['land', 'extract']) {
      const parts = calls.filter(([name]) => name === step);
      const what = step === 'extract' ? ` · ${file?.path}, ${bytes(file?.bytes ?? 0)}` : '';
      expect(parts).toEqual(parts.map((_, index) => [step, `part ${index + 1}${what}`]));
      expect(parts.length).toBeGreaterThan(2);
    }
    const { read, output } = report.rows;
    expect(calls.filter(([name]) => name !== 'land' && name !== 'extract')).toEqual([
      ['prepare', `${name}, run key/1`],
      ['validate', `${read} rows, 0 rejected`],
      ['transform', `${read} rows`],
      ['load', `sales.db#revenue, ${output} rows`],
      ['publish', `sales.db#revenue, ${output} rows`],
      ['finish', `succeeded, ${output} rows`],
    ]);
  });

  it('shows its report in the Web UI, and answers it to a query, once it is closed', async () => {
    expect(await detailsOf(handle)).toContain(`### ${name}: succeeded\nRun \`key/1\``);
    expect(await handle.query(reportQuery)).toEqual(report);
  });

  it('keeps rows out of history: no payload has a product in it', async () => {
    const history = textsIn(await handle.fetchHistory());
    expect(history.includes('sales.db#revenue')).toBe(true);
    expect(history.includes('Name, ')).toBe(false);
  });
});

/** All payloads of a history, decoded, in one text. */
function textsIn(value: unknown): string {
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString()}\n`;
  return typeof value === 'object' && value !== null ? Object.values(value).map(textsIn).join('') : '';
}

describe('a run that is given its pipeline file', () => {
  const TEXT = `version: "1.0"
pipeline:
  source: {type: csv, path: given.csv}
  transformations: [{type: filter, column: n, operator: "!=", value: "\${GIVEN_SECRET}"}]
  target: {type: sqlite, database: given.db, table: t}
`;
  const start = (input: object): Promise<RunHandle> => {
    harness.write('given.csv', 'n\na\nhunter2\n');
    return harness.start({ name: `given-${randomUUID()}`, ...input });
  };

  it('puts the environment of the worker in: history has the file as written', async () => {
    const { env } = harness.settings as { env: Record<string, string> };
    env['GIVEN_SECRET'] = 'hunter2';
    const handle = await start({ text: TEXT, overrides: ['targets.0.table=u'] });
    expect(await handle.result()).toMatchObject({ status: 'succeeded', rows: { read: 2, filtered: 1 } });
    expect(harness.query('given.db', 'SELECT n FROM u')).toEqual([['a']]);
    const history = textsIn(await handle.fetchHistory());
    expect(history).toContain('${GIVEN_SECRET}');
    expect(history).not.toContain('hunter2');
  });

  it('fails in prepare with the places of what is wrong with it', async () => {
    const text = TEXT.replace('given.csv}', 'given.csv, pth: x}');
    const report = await awaitReport(await start({ text, file: 'jobs/given.yaml' }));
    expect(report.error).toMatchObject({ code: 'CONFIG_INVALID', step: 'prepare' });
    expect(report.error?.message).toContain('jobs/given.yaml:3:40 pipeline.source.pth: unknown key.');
  });

  it.each([[{ text: 5 }], [{ file: '' }], [{ overrides: 'a=b' }], [{ overrides: [1] }]])(
    'fails for good when the input is %j',
    async (input) => {
      const report = await awaitReport(await start(input));
      expect(report.error).toMatchObject({ code: 'USAGE', step: 'prepare' });
      expect(report.error?.message).toContain(`The input of a pipeline workflow: ${Object.keys(input)[0]}`);
    },
  );

  it('fails in prepare on a worker without the modules that it names', async () => {
    const report = await awaitReport(await start({ text: `${TEXT}plugins: [./none.js]\n` }));
    expect(report.error).toMatchObject({ code: 'CONFIG_INVALID', step: 'prepare' });
    expect(report.error?.message).toContain('plugins.0: ./none.js: the project has no such file.');
  });

  it('under another name than that in the file is refused', async () => {
    const report = await awaitReport(await start({ text: `${TEXT}  name: other\n` }));
    expect(report.error?.message).toContain(
      `The pipeline's name is "other", the workflow was started as "given-`,
    );
  });
});

describe('a run that is going on', () => {
  it('tells how far it is, to a query and in the Web UI', async () => {
    const gate = createGate();
    let seen = 0;
    harness.fake('extract', (real) => async (input) => {
      seen += 1;
      if (seen > 2) await gate.pass();
      return real(input);
    });
    const handle = await harness.start(addSales(20, 'going.db'));
    await gate.reached;
    const progress = await handle.query(progressQuery);
    expect(progress).toMatchObject({ step: 'extract', bytes_total: salesCsv(SALES).length });
    expect(progress.parts_total).toBeGreaterThan(2);
    expect(await detailsOf(handle)).toMatch(/^\*\*extract\*\* \d\/\d · \d+ rows read · run `/);
    expect(await handle.query(reportQuery)).toMatchObject({
      status: 'running',
      balanced: false,
      error: null,
    });
    gate.open();
    expect((await handle.result()).status).toBe('succeeded');
  });

  it('is the only one of its pipeline, and one under another id is told so', async () => {
    const gate = createGate();
    harness.fake('validate', (real) => async (input) => {
      await gate.pass();
      return real(input);
    });
    const name = addSales(1000, 'only.db');
    const first = await harness.start(name);
    await gate.reached;
    await expect(harness.start(name)).rejects.toThrow('already started');
    const other = await harness.start(name, { workflowId: `by-hand-${name}` });
    await expect(other.result()).rejects.toMatchObject({
      cause: {
        type: 'RUN_IN_PROGRESS',
        message: `A run of ${name} is in progress: workflow flexetl/test/${name}. Wait for it, or cancel it.`,
      },
    });
    gate.open();
    expect((await first.result()).status).toBe('succeeded');
  });
});

describe('a run started by hand, as in the Web UI', () => {
  const startByHand = async (workflowId: string, ...input: string[]): Promise<RunHandle> => {
    const binary = await findTemporalServer({ env: process.env, log: () => undefined });
    const address = harness.settings.env['TEMPORAL_ADDRESS'] ?? '';
    await promisify(execFile)(binary, [
      ...['workflow', 'start', '--address', address, '--type', 'pipeline', '--workflow-id', workflowId],
      ...['--task-queue', harness.project.taskQueue, ...input],
    ]);
    return harness.client.workflow.getHandle<typeof pipeline>(workflowId);
  };

  it('needs nothing but the name of the pipeline', async () => {
    const name = addSales(1000, 'hand.db');
    const handle = await startByHand(workflowIdOf('test', name), '--input', JSON.stringify(name));
    expect(await handle.result()).toMatchObject({
      status: 'succeeded',
      run_key: (await handle.describe()).runId,
    });
    expect(harness.tables('hand.db')).toEqual(['revenue']);
  });

  it('under another id is a child under its own, so that no two runs of it load at once', async () => {
    const name = addSales(1000, 'child.db');
    const handle = await startByHand(`nightly-${name}`, '--input', JSON.stringify(name));
    expect(await handle.result()).toMatchObject({ status: 'succeeded', workflow_id: `flexetl/test/${name}` });
    const child = harness.client.workflow.getHandle(workflowIdOf('test', name));
    expect((await child.describe()).parentExecution?.workflowId).toBe(`nightly-${name}`);
  });

  it.each([
    ['nothing', []],
    ['an empty name', ['--input', '""']],
    ['something else', ['--input', '{"pipeline":"sales"}']],
    ['an empty run key', ['--input', '{"name":"sales","run_key":""}']],
    ['a run key that is no text', ['--input', '{"name":"sales","run_key":5}']],
  ])('with %s ends at once with an error that tells what it takes', async (what, input) => {
    const handle = await startByHand(
      `wrong-${what.replaceAll(' ', '-')}-${harness.project.taskQueue}`,
      ...input,
    );
    await expect(handle.result()).rejects.toMatchObject({
      cause: {
        type: 'USAGE',
        message:
          'The input of a pipeline workflow is the name of a pipeline, as in "sales", or an object with name and run_key.',
      },
    });
  });

  it('with a name that no pipeline has is a failed run, with the names there are', async () => {
    const name = `none-${harness.project.taskQueue}`;
    const report = await awaitReport(
      await startByHand(workflowIdOf('test', name), '--input', JSON.stringify(name)),
    );
    expect(report).toMatchObject({ status: 'failed', error: { code: 'CONFIG_INVALID', step: 'prepare' } });
    expect(existsSync(join(harness.dir, 'output', 'reports', name))).toBe(true);
  });
});
