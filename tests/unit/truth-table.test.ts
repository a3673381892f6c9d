/** Extreme values of every type arrive in every target, from every source, as they are: what `npm run test:interop` shows with foreign readers. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { sources } from '../../sources/index';
import { targets } from '../../targets/index';
import { makeFolder } from '../support/folder';
import { readTable } from '../support/project';
import { runPipeline } from '../support/run-case';
import {
  CSV_OPTIONS,
  expectedRows,
  normalize,
  ROW,
  TRUTH,
  TRUTH_ROWS,
  TRUTH_SCHEMA,
  truthCsv,
} from '../support/truth';

type Texts = (string | null)[][];

/** Writes the table where a source reads it. @returns options of the source */
const WRITERS: Record<string, (dir: string) => object> = {
  csv(dir) {
    writeFileSync(join(dir, 'truth.csv'), truthCsv());
    return { path: 'truth.csv', ...CSV_OPTIONS };
  },
};

interface Reader {
  options: object;
  /** The rows as texts, the number of the row first. */
  read(dir: string): Texts | Promise<Texts>;
}

const READERS: Record<string, Reader> = {
  sqlite: {
    options: { database: 'out.db', table: 'truth' },
    read: (dir) => readTable(join(dir, 'out.db'), 'truth') ?? [],
  },
};

const pairs = sources
  .filter(({ type }) => type in WRITERS)
  .flatMap((source) =>
    targets.filter(({ type }) => type in READERS).map((target) => [source.type, target.type] as const),
  );

describe('the truth table', () => {
  it('has 24 columns', () => {
    expect([TRUTH.length, TRUTH_ROWS]).toEqual([24, 10]);
  });

  it.each(pairs)('is whole from %s to %s', async (source, target) => {
    const dir = makeFolder();
    const { options, read } = READERS[target]!;
    const pipeline = {
      name: 'truth',
      source: { type: source, ...WRITERS[source]!(dir) },
      validation: { schema: TRUTH_SCHEMA },
      targets: [{ type: target, ...options }],
    };
    writeFileSync(join(dir, 'pipeline.yaml'), stringify({ version: '1.0', pipeline }));
    await runPipeline(dir);
    const found = (await read(dir)).sort(([a], [b]) => Number(a) - Number(b));
    const values = found.map(([, ...texts]) =>
      texts.map((text, index) => (text === null ? null : normalize(TRUTH[index]!.kind, text))),
    );
    expect(altered(values, target)).toEqual([]);
  });
});

/** Where what was read is not what it should be. */
function altered(found: Texts, target: string): string[] {
  const expected = expectedRows();
  if (found.length !== expected.length) return [`${found.length} rows, expected ${expected.length}`];
  return expected.flatMap((row, at) =>
    row.flatMap((value, index) => {
      const is = found[at]?.[index];
      if (is === value || (target === 'sqlite' && value === '-0' && is === '0')) return [];
      return [
        `${TRUTH[index]!.name} ${ROW} ${at}: ${String(is).slice(0, 60)} instead of ${String(value).slice(0, 60)}`,
      ];
    }),
  );
}
