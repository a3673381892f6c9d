import fc from 'fast-check';
import { withDuckdb, type Duckdb } from '../../runtime/duckdb';
import {
  csvOptions,
  dirtyCsv,
  knownCsv,
  openSandbox,
  readCareful,
  readFast,
  surveyAndPlan,
  type Values,
} from '../support/dirty-csv';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 150);
const root = openSandbox();
afterAll(() => root.remove());

const withSession = (work: (db: Duckdb) => Promise<void>): Promise<void> =>
  withDuckdb({ dir: root.dir, memoryMb: 200, threads: 2 }, work);

const WHOLE = Number.MAX_SAFE_INTEGER;

describe('the two lanes of the CSV source', () => {
  it('read the rows, lines, record numbers and offsets of any clean file, in one chunk and in many', async () => {
    await withSession((db) =>
      fc.assert(
        fc.asyncProperty(knownCsv, fc.integer({ min: 1, max: 80 }), async (file, chunkBytes) => {
          const sandbox = root.freshRun();
          const options = csvOptions({ path: sandbox.write('known.csv', file.bytes), ...file.options });
          for (const bytes of [WHOLE, chunkBytes]) {
            const { survey, chunks } = await surveyAndPlan(options, bytes, sandbox);
            const records = await readCareful(options, survey, chunks, sandbox);
            expect(records).toEqual(file.rows.map((values, index) => ({ ...file.places[index], values })));
            const fast: Values[] = [];
            for (const chunk of chunks) {
              const rows = await readFast(db, options, survey, chunk, sandbox);
              // The fast lane may refuse (mixed line breaks); it may never read something else.
              fast.push(
                ...(rows ??
                  (await readCareful(options, survey, [chunk], sandbox)).map(({ values }) => values ?? [])),
              );
            }
            expect(fast).toEqual(file.rows);
          }
        }),
        { numRuns: RUNS },
      ),
    );
  });

  it('never contradict each other, whatever the bytes', async () => {
    let accepted = 0;
    await withSession((db) =>
      fc.assert(
        fc.asyncProperty(dirtyCsv, fc.integer({ min: 1, max: 64 }), async (file, chunkBytes) => {
          const sandbox = root.freshRun();
          const options = csvOptions({ path: sandbox.write('dirty.csv', file.bytes), ...file.options });
          for (const bytes of [WHOLE, chunkBytes]) {
            const plan = await surveyAndPlan(options, bytes, sandbox).catch(() => undefined);
            if (!plan) return;
            for (const chunk of plan.chunks) {
              const rows = await readFast(db, options, plan.survey, chunk, sandbox);
              if (!rows) continue;
              accepted++;
              const records = await readCareful(options, plan.survey, [chunk], sandbox);
              expect(rows).toEqual(records.map(({ values, reason }) => values ?? reason));
            }
          }
        }),
        { numRuns: RUNS * 2 },
      ),
    );
    expect(accepted).toBeGreaterThan(RUNS / 4);
  });

  it('give the same records, good and broken, for every size of chunk', async () => {
    await fc.assert(
      fc.asyncProperty(dirtyCsv, fc.integer({ min: 1, max: 64 }), async (file, chunkBytes) => {
        const sandbox = root.freshRun();
        const options = csvOptions({ path: sandbox.write('cut.csv', file.bytes), ...file.options });
        const whole = await surveyAndPlan(options, WHOLE, sandbox).catch(() => undefined);
        if (!whole) return;
        const cut = await surveyAndPlan(options, chunkBytes, sandbox);
        expect(cut.chunks.at(-1)?.end).toBe(whole.chunks.at(-1)?.end);
        const expected = await readCareful(options, whole.survey, whole.chunks, sandbox);
        expect(await readCareful(options, cut.survey, cut.chunks, root.freshRun())).toEqual(expected);
        // Any one chunk by itself knows where it is.
        const last = cut.chunks.slice(-1);
        const alone = await readCareful(options, cut.survey, last, root.freshRun());
        expect(alone).toEqual(alone.length === 0 ? [] : expected.slice(-alone.length));
      }),
      { numRuns: RUNS },
    );
  });
});
