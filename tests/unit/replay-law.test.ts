/** The replay law: load(dirty) + corrected replay = load(clean). */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { DeadLetter } from '../../pipeline/dead-letter';
import { readState } from '../../runtime/dead-letters/replays';
import { makeFolder } from '../support/folder';
import { readTable } from '../support/project';
import { queueOf, replayQueue } from '../support/replay-queue';
import { runPipeline } from '../support/run-case';

type Row = readonly [date: string, product: string, quantity: string, price: string];
type Fault = 'quantity' | 'date' | 'short' | 'null' | 'price';

const COLUMNS = ['id', 'date', 'product', 'quantity', 'price'] as const;

const row = fc.tuple(
  fc.constantFrom('2026-01-01', '2026-01-02', '2026-01-03'),
  fc.constantFrom('tea', 'Käse, jung', 'say "hi"', 'line\nbreak'),
  fc.integer({ min: 0, max: 99 }).map(String),
  fc.integer({ min: 0, max: 9_999 }).map((cents) => (cents / 100).toFixed(2)),
) satisfies fc.Arbitrary<Row>;
const fault = fc.constantFrom<Fault>('quantity', 'date', 'short', 'null', 'price');
/** Rows, and what is wrong with some of them. */
const input = fc.array(fc.tuple(row, fc.option(fault, { freq: 2 })), { minLength: 1, maxLength: 30 });

/** What a person would write of a record. */
function dataOf(rows: readonly Row[], index: number): Record<string, string> {
  const values = [String(index), ...(rows[index] ?? [])];
  return Object.fromEntries(COLUMNS.map((name, at) => [name, values[at] ?? '']));
}

function csv(rows: readonly Row[], faults: readonly (Fault | null)[]): string {
  const quote = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = rows.map(([date, product, quantity, price], index) => {
    const wrong = faults[index] ?? null;
    const fields = [
      String(index),
      wrong === 'date' ? 'yesterday' : date,
      wrong === 'null' ? '' : product,
      wrong === 'quantity' ? 'many' : quantity,
      wrong === 'price' ? '1.2.3' : price,
    ].map(quote);
    return (wrong === 'short' ? fields.slice(0, 2) : fields).join(',');
  });
  return `${COLUMNS.join(',')}\n${lines.join('\n')}\n`;
}

/** A project whose input is this text. */
function project(text: string, target: string, steps: string): string {
  const dir = makeFolder();
  mkdirSync(join(dir, 'in'));
  writeFileSync(join(dir, 'in', 'input.csv'), text);
  const file = `version: "1.0"
pipeline:
  name: sales
  source: {type: csv, path: in, delimiter: ","}
  transformations: [${steps}]
  validation:
    schema:
      id: {type: integer, nullable: false}
      date: {type: date}
      product: {type: string, nullable: false}
      quantity: {type: integer}
      price: {type: "decimal(10,2)"}
  target: {type: sqlite, database: out.db, table: t, ${target}}
fault_tolerance: {dead_letter_queue: {enabled: true}}
scalability: {processing: {chunk_size: 7}}
`;
  writeFileSync(join(dir, 'pipeline.yaml'), file);
  return dir;
}

/** Ordered: a table is the same whatever the order in which its rows came. */
function table(dir: string): string[] | undefined {
  return readTable(join(dir, 'out.db'), 't')
    ?.map((cells) => JSON.stringify(cells))
    .sort();
}

const DERIVE =
  '{type: derive, columns: {revenue: "quantity * price"}}, {type: filter, column: quantity, operator: "!=", value: 3}';
const AGGREGATE =
  '{type: aggregate, group_by: [date, product], aggregations: {total: "sum(quantity)", mean: "avg(price)", first_id: "first(id)"}}';

const JOBS: readonly [what: string, target: string, steps: string][] = [
  ['append', 'mode: append', DERIVE],
  ['merge', 'mode: merge, primary_key: [id]', DERIVE],
  ['replace with aggregates', 'mode: replace', AGGREGATE],
  ['merge of aggregates', 'mode: merge, primary_key: [date, product]', AGGREGATE],
];

const KILLS = ['prepare', 'extract', 'validate', 'transform', 'load', 'publish'] as const;

describe('load(dirty) + corrected replay = load(clean)', () => {
  it.each(JOBS)('for %s, in one replay or in several, also when it is killed', async (_, target, steps) => {
    await fc.assert(
      fc.asyncProperty(
        input,
        fc.constantFrom(...KILLS, null),
        fc.integer({ min: 0, max: 3 }),
        async (given, killedAfter, later) => {
          const rows = given.map(([one]) => one);
          const faults = given.map(([, wrong]) => wrong);
          const clean = project(csv(rows, []), target, steps);
          const dirty = project(csv(rows, faults), target, steps);
          await runPipeline(clean);
          const { deadLetter } = await runPipeline(dirty);
          const failed = faults.filter((one) => one !== null).length;
          expect(deadLetter?.records ?? 0).toBe(failed);
          if (failed > 0) await replayAll(dirty, rows, killedAfter, later);
          expect(table(dirty)).toEqual(table(clean));
        },
      ),
      { numRuns: 3 },
    );
  });
});

/** Some letters at first, of which some are still wrong; then the rest. A replay is killed once, and started again. */
async function replayAll(
  dir: string,
  rows: readonly Row[],
  killedAfter: (typeof KILLS)[number] | null,
  later: number,
): Promise<void> {
  const queue = await queueOf(dir, 'sales');
  const right = ({ record }: DeadLetter) => dataOf(rows, record - 1);
  const some = (letter: DeadLetter) => {
    if (letter.letter % 4 === later) return undefined;
    return letter.letter % 4 === 0 ? { ...right(letter), quantity: 'some' } : right(letter);
  };
  const kill = (step: string): void => {
    if (step === killedAfter) throw new Error('killed');
  };
  await replayQueue(dir, queue, some, { after: kill }).catch((error: unknown) => {
    if (String(error) !== 'Error: killed') throw error;
    return replayQueue(dir, queue);
  });
  await replayQueue(dir, queue, right);
  const { replayed, pending } = await readState(queue);
  expect({ open: queue.head.records - replayed.size, pending }).toEqual({ open: 0, pending: undefined });
  const before = table(dir);
  expect(await replayQueue(dir, queue, right)).toBeUndefined();
  expect(await replayQueue(dir, queue)).toBeUndefined();
  expect(table(dir)).toEqual(before);
}

it('a replay that recombines the rows of a run is not compared with that run, and later runs are compared with it', async () => {
  const rows: Row[] = ['1', '2', '3'].map((price) => ['2026-01-01', 'tea', price, price]);
  const check = '{type: no_duplicates, columns: [id], within: {runs: 3}}';
  const dir = project(csv(rows, [null, 'price', null]), 'mode: replace', '');
  const file = join(dir, 'pipeline.yaml');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('  validation:\n', `  validation:\n    quality_checks: [${check}]\n`));
  await runPipeline(dir);
  const queue = await queueOf(dir, 'sales');
  await replayQueue(dir, queue, ({ record }) => ({ ...dataOf(rows, record - 1), price: 'dear' }));
  await replayQueue(dir, queue, ({ record }) => dataOf(rows, record - 1));
  expect(table(dir)).toHaveLength(3);
  writeFileSync(join(dir, 'in', 'input.csv'), `${COLUMNS.join(',')}\n1,2026-01-02,jam,1,1.00\n`);
  await expect(runPipeline(dir)).rejects.toMatchObject({ code: 'CHECK_FAILED' });
});
