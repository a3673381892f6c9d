/** The laws of every source in the list, over a small dataset written in the source's own format. */
import { sources } from '../../sources/index';
import { withDuckdb } from '../../runtime/duckdb';
import { openSandbox, readCareful, readFast, type Sandbox, type Values } from '../support/dirty-csv';

const ROWS: Values[] = Array.from({ length: 200 }, (_, index) => [
  String(index),
  index % 7 === 0 ? null : `name ${index}`,
  index % 5 === 0 ? `two\nlines, "${index}"` : 'plain',
]);

/** How each source is given the dataset; a new source adds its line. */
const FIXTURES: Record<string, (sandbox: Sandbox) => Record<string, unknown>> = {
  csv: (sandbox) => {
    const cell = (text: string | null): string => (text === null ? '' : `"${text.replaceAll('"', '""')}"`);
    const lines = [['id', 'name', 'note'], ...ROWS].map((row) => row.map(cell).join(','));
    return { path: sandbox.write('data.csv', `${lines.join('\n')}\n`) };
  },
};

describe.each(sources.map((source) => [source.type, source] as const))('the source %s', (type, source) => {
  const sandbox = openSandbox();
  const options = source.options.parse(FIXTURES[type]?.(sandbox));

  it('describes itself and every option', () => {
    expect(source.description).toMatch(/\.$/);
    const { shape } = source.options as unknown as { shape: Record<string, { description?: string }> };
    for (const [name, option] of Object.entries(shape))
      expect([name, option.description]).toEqual([name, expect.stringMatching(/\.$/)]);
  });

  it('refuses unknown options', () => {
    expect(source.options.safeParse({ ...options, no_such_option: 1 }).success).toBe(false);
  });

  it('surveys the same twice, as plain JSON', async () => {
    const once = await source.survey(options, sandbox.tools);
    expect(await source.survey(options, sandbox.freshRun().tools)).toEqual(once);
    expect(JSON.parse(JSON.stringify(once))).toEqual(once);
    expect(once.sample).toEqual(ROWS);
    expect(once.recordBytes).toBeGreaterThan(0);
  });

  it.each([64, 1000, Number.MAX_SAFE_INTEGER])(
    'gives all rows in order in both lanes with chunks of %d bytes',
    async (chunkBytes) => {
      const survey = await source.survey(options, sandbox.tools);
      const chunks = await source.planChunks(options, survey, chunkBytes, sandbox.tools);
      expect(await source.planChunks(options, survey, chunkBytes, sandbox.tools)).toEqual(chunks);
      expect(chunks.map(({ index }) => index)).toEqual(chunks.map((_, index) => index));
      const records = await readCareful(options, survey, chunks, sandbox);
      expect(records.map(({ values }) => values)).toEqual(ROWS);
      expect(records.map(({ record }) => record)).toEqual(ROWS.map((_, index) => index + 1));
      const fast: (Values | undefined)[] = [];
      await withDuckdb({ dir: sandbox.dir, memoryMb: 200 }, async (db) => {
        for (const chunk of chunks)
          fast.push(...((await readFast(db, options, survey, chunk, sandbox)) ?? [undefined]));
      });
      expect(fast).toEqual(ROWS);
    },
  );

  it('reads with nothing but the paths that it names', async () => {
    const survey = await source.survey(options, sandbox.tools);
    const chunks = await source.planChunks(options, survey, 1000, sandbox.tools);
    for (const chunk of [
      ...chunks.slice(0, 2),
      ...(await source.planChunks(options, survey, Number.MAX_SAFE_INTEGER, sandbox.tools)),
    ]) {
      const { sql, reads, sound } = await source.relation(options, survey, chunk, sandbox.tools);
      expect(await sound).toBe(true);
      await withDuckdb({ dir: `${sandbox.dir}/elsewhere`, reads, memoryMb: 200 }, async (db) => {
        const { n } = await db.one(`SELECT count(*) AS n FROM ${sql}`);
        expect(Number(n)).toBeGreaterThan(0);
      });
    }
  });

  it('notices no change where there is none', async () => {
    const survey = await source.survey(options, sandbox.tools);
    for (const file of survey.files.keys())
      await source.assertUnchanged(options, survey, file, sandbox.tools);
  });
});
