/** A source of pages through a whole run: what is landed is never asked for again. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { ApplicationFailure } from '@temporalio/common';
import { landPartition } from '../../engine/land';
import { createStep } from '../../activities/step';
import { defineSource } from '../../plugin/source';
import { fakeRecords, ordersOf, withFaults } from '../support/fake-record-source';
import { plainDecimal } from '../support/sales';
import { createGate, openHarness, RETRY_FAST, sqliteTarget, type Harness } from '../support/worker-harness';

const PAGES = 7;
const ORDERS = Array.from({ length: PAGES }, (_, page) => ordersOf(page)).flat();

let harness: Harness;
let failsAt: number | undefined;
/** Added to all ids: the source yields other records. */
let shift: number;
beforeEach(async () => {
  failsAt = undefined;
  shift = 0;
  const source = defineSource({
    ...fakeRecords,
    async *read(options, context, from) {
      for await (const page of withFaults({ fails_at: failsAt }).read(options, context, from)) {
        const records = page.records as Record<string, unknown>[];
        yield { ...page, records: records.map((one) => ({ ...one, id: Number(one['id']) + shift })) };
      }
    },
  });
  harness = await openHarness({ workers: 0, sources: [source] });
});
afterEach(() => harness.close());

/** A page is a partition: a chunk is smaller than one. */
const add = (mode: 'replace' | 'append' = 'replace'): string =>
  harness.addPipeline({
    source: { type: 'fake_records', pages: PAGES, requests: 'requests.txt' },
    targets: [sqliteTarget('orders', mode)],
    fault_tolerance: RETRY_FAST,
    scalability: { processing: { chunk_size: 1, parallel_workers: 2 } },
  });

const requests = (): string[] =>
  readFileSync(join(harness.dir, 'requests.txt'), 'utf8').trimEnd().split('\n');
const EACH_ONCE = Array.from({ length: PAGES }, (_, page) => String(page));

function expectAllOrders(): void {
  const rows = harness.query('out.db', 'SELECT id, price, note, lines FROM orders ORDER BY rowid');
  expect(rows.map(([id]) => id)).toEqual(ORDERS.map(({ id }) => BigInt(id as number)));
  const decimal = (value: unknown): string | null => (value === null ? null : plainDecimal(value));
  expect(rows.map(([, price, note]) => [decimal(price), note])).toEqual(
    ORDERS.map(({ price, note }) => [decimal(price), note === '' ? null : note]),
  );
  expect(rows.map(([, , , lines]) => lines)).toEqual(
    ORDERS.map(({ lines }) => (lines === undefined ? null : JSON.stringify(lines))),
  );
}

it('goes from pages to a table, with each page asked for once', async () => {
  await harness.startWorker();
  const name = add();
  expect(await harness.run(name)).toMatchObject({
    status: 'succeeded',
    balanced: true,
    rows: { read: ORDERS.length, output: ORDERS.length },
  });
  expect(requests()).toEqual(EACH_ONCE);
  expectAllOrders();
  expect(harness.staged(name)).toEqual([]);
});

it('asks for no page twice when landing fails after every page', async () => {
  const seen = new Set<number>();
  harness.fake('land', (real) => async (input) => {
    const result = await real(input);
    const isFirst = !seen.has(input.partition);
    seen.add(input.partition);
    // The page is landed, its answer is lost.
    if (isFirst) throw new Error('The connection broke.');
    return result;
  });
  await harness.startWorker();
  const report = await harness.run(add());
  expect(report).toMatchObject({ status: 'succeeded', steps: { extract: { attempts: 2 } } });
  expect(requests()).toEqual(EACH_ONCE);
  expectAllOrders();
});

it('asks for no page twice when its worker is stopped between two pages', async () => {
  const gate = createGate();
  harness.fake('land', (real) => (input) => {
    if (input.partition < 3) return real(input);
    const hang = createStep(
      harness.deps,
      harness.owner,
      'land',
      async (deps, again: typeof input, context) => {
        await landPartition(deps, again, context);
        void gate.pass();
        await once(context.signal, 'abort');
        throw new Error('The worker goes away.');
      },
    );
    return hang(input);
  });
  const first = await harness.startWorker({ shutdownGraceTime: 100 });
  const handle = await harness.start(add());
  await gate.reached;
  await first.stop();
  harness.mend();
  await harness.startWorker();
  expect(await handle.result()).toMatchObject({ status: 'succeeded', rows: { read: ORDERS.length } });
  expect(requests()).toEqual(EACH_ONCE);
  expectAllOrders();
});

it('asks only for the pages that are missing, under the key of a run that failed at one of them', async () => {
  await harness.startWorker();
  const name = add();
  failsAt = 4;
  const failed = await harness.run({ name, run_key: 'k' });
  expect(failed).toMatchObject({ status: 'failed', error: { step: 'extract' } });
  expect(failed.error?.message).toContain('Page 4 cannot be had.');
  expect(requests()).toEqual(['0', '1', '2', '3', '4', '4', '4']);
  failsAt = undefined;
  expect(await harness.run({ name, run_key: 'k' })).toMatchObject({ status: 'succeeded' });
  expect(requests().slice(7)).toEqual(['4', '5', '6']);
  expectAllOrders();
});

it('is asked again by every run, which appends what it gets, and loads nothing under a run key that is loaded', async () => {
  await harness.startWorker();
  const name = add('append');
  await harness.run(name);
  await harness.run(name);
  await harness.run({ name, run_key: 'k' });
  const asked = requests().length;
  expect(asked).toBe(3 * PAGES);
  expect(await harness.run({ name, run_key: 'k' })).toMatchObject({
    targets: [{ already: { run_key: 'k' } }],
  });
  // Prepare looks at the first page.
  expect(requests()).toHaveLength(asked + 1);
  const rows = BigInt(3 * ORDERS.length);
  expect(harness.query('out.db', 'SELECT count(*) FROM orders')).toEqual([[rows]]);
});

it('has its loads continued only with the pages that they were made from', async () => {
  await harness.startWorker();
  const name = add();
  harness.fake('load', (real) => async (input) => {
    if (input.part < 3) return real(input);
    throw ApplicationFailure.nonRetryable('No more.', 'TARGET_INVALID');
  });
  harness.fake('abort', () => () => Promise.reject(ApplicationFailure.nonRetryable('No.', 'TARGET_INVALID')));
  expect(await harness.run({ name, run_key: 'k' })).toMatchObject({ status: 'failed' });
  harness.mend();
  rmSync(harness.settings.stagingDir, { recursive: true });
  shift = 1000;
  expect(await harness.run({ name, run_key: 'k' })).toMatchObject({ status: 'succeeded', balanced: true });
  const ids = harness.query('out.db', 'SELECT id FROM orders ORDER BY rowid').flat();
  expect(ids).toEqual(ORDERS.map(({ id }) => BigInt(Number(id) + shift)));
});
