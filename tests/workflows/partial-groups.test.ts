import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Activities } from '../../activities';
import type { ExtractReceipt } from '../../engine/extract/receipt';
import { unseal } from '../../runtime/staging/sealed';
import { openHarness, type Harness } from '../support/worker-harness';

/** More records than the sample has, so that what stands here is met only when it is read for good. */
const RECORDS = 4000;

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
});
afterEach(() => harness.mend());
afterAll(() => harness.close());

/** Runs a count of the records by shop, with its first and last clerk. `kinds` is how each partition is staged. */
async function countByShop(
  clerkOf: (record: number) => string,
  chunkSize?: number,
): Promise<{ kinds: string[]; rows: unknown[][] }> {
  const records = Array.from(
    { length: RECORDS },
    (_, record) => `s${record % 3},${clerkOf(record)},${record}`,
  );
  harness.write('data/shops.csv', `shop,clerk,n\n${records.join('\n')}\n`);
  const name = harness.addPipeline({
    source: { path: 'data/shops.csv' },
    ...(chunkSize !== undefined && { scalability: { processing: { chunk_size: chunkSize } } }),
    transformations: [
      { type: 'filter', column: 'n', operator: '>=', value: 1 },
      {
        type: 'aggregate',
        group_by: ['shop'],
        aggregations: { first: 'first(clerk)', last: 'last(clerk)', n: 'count(*)' },
      },
    ],
  });
  let kinds: string[] = [];
  harness.fake('validate', (real): Activities['validate'] => (input) => {
    const receipts = harness.staged(name).filter((file) => /extract\/.*\.json$/.test(file));
    kinds = receipts.sort().map((file) => {
      const text = readFileSync(join(harness.settings.stagingDir, 'test', name, file), 'utf8');
      return (unseal(text) as { receipt: ExtractReceipt }).receipt.kind;
    });
    return real(input);
  });
  const report = await harness.run(name);
  expect(report).toMatchObject({
    status: 'succeeded',
    balanced: true,
    rows: { read: RECORDS, filtered: 1, aggregated: RECORDS - 1, output: 3 },
  });
  return { kinds, rows: harness.query('out.db', 'SELECT * FROM t ORDER BY shop') };
}

it('groups the rows of a partition while it reads them', async () => {
  const { kinds, rows } = await countByShop((record) => `clerk of s${record % 3}`);
  expect(kinds).toEqual(['groups']);
  expect(rows).toEqual([
    ['s0', 'clerk of s0', 'clerk of s0', 1333n],
    ['s1', 'clerk of s1', 'clerk of s1', 1333n],
    ['s2', 'clerk of s2', 'clerk of s2', 1333n],
  ]);
});

it.each([
  ['shows', 3],
  ['does not show', RECORDS - 1],
])(
  'keeps to the order of records where it counts, also where the sample %s that it does',
  async (_, other) => {
    const { kinds, rows } = await countByShop((record) => (record >= other ? 'late' : 'early'));
    expect(kinds).toEqual(['rows']);
    const late = [0, 1, 2].map((shop) => RECORDS - 1 - ((RECORDS - 1 - shop) % 3) >= other);
    expect(rows.map(([shop, first, last]) => [shop, first, last])).toEqual([
      // Record 0 is filtered out.
      ['s0', other <= 3 ? 'late' : 'early', late[0] ? 'late' : 'early'],
      ['s1', 'early', late[1] ? 'late' : 'early'],
      ['s2', 'early', late[2] ? 'late' : 'early'],
    ]);
  },
);

it('groups partition by partition, and stages as rows only those in which the order of records counts', async () => {
  const { kinds, rows } = await countByShop((record) => (record >= 2500 ? 'late' : 'early'), 1000);
  expect(kinds.filter((kind) => kind === 'rows')).toHaveLength(1);
  expect(kinds.filter((kind) => kind === 'groups').length).toBeGreaterThan(2);
  expect(rows).toEqual([
    ['s0', 'early', 'late', 1333n],
    ['s1', 'early', 'late', 1333n],
    ['s2', 'early', 'late', 1333n],
  ]);
});
