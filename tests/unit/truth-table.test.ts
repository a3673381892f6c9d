/** Extreme values of every type arrive in every target, from every source, as they are: what `npm run test:interop` shows with foreign readers. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { stringify } from 'yaml';
import { literal } from '../../pipeline/sql';
import { withDuckdb } from '../../runtime/duckdb';
import { sources } from '../../sources/index';
import { targets } from '../../targets/index';
import { makeFolder } from '../support/folder';
import { databaseFor, queryPostgresql } from '../support/postgresql';
import { readTable } from '../support/project';
import { runPipeline } from '../support/run-case';
import { textRows } from '../support/rows';
import { expectedRows, isTrue, normalize, NULL_TEXT, ROW, TRUTH, TRUTH_ROWS } from '../support/truth';
import {
  servePages,
  TRUTH_DATABASE,
  TRUTH_SOURCES,
  truthPipeline,
  writeTruthFiles,
} from '../support/truth-project';

type Texts = (string | null)[][];

/** By type of the target: the rows as texts, the number of the row first. */
const READERS: Record<string, (dir: string) => Texts | Promise<Texts>> = {
  sqlite: (dir) => readTable(join(dir, 'output/t.db'), 'truth') ?? [],
  async parquet(dir) {
    const path = join(dir, 'output/t.parquet');
    // Its client takes a byte order mark off the start of a text.
    const sql = `SELECT '=' || COLUMNS(*)::VARCHAR FROM read_parquet(${literal(path)})`;
    const rows = await withDuckdb({ dir, memoryMb: 200 }, (db) => textRows(db, sql));
    return rows.map((row) => row.map((value) => value && value.slice(1)));
  },
  csv(dir) {
    const text = readFileSync(join(dir, 'output/t.csv'), 'utf8');
    const [, ...records] = parse(text) as string[][];
    return records.map((record) => record.map((value) => (value === NULL_TEXT ? null : value)));
  },
  async postgresql() {
    return queryPostgresql(await databaseFor('truth'), 'SELECT * FROM truth_t');
  },
};

const pairs = sources
  .filter(({ type }) => type in TRUTH_SOURCES)
  .flatMap((source) =>
    targets.filter(({ type }) => type in READERS).map((target) => [source.type, target.type] as const),
  );

describe('the truth table', () => {
  let url = '';
  let server: Server;

  beforeAll(async () => {
    ({ url, server } = await servePages());
  });

  afterAll(() => server.close());

  it('has 24 columns', () => {
    expect([TRUTH.length, TRUTH_ROWS]).toEqual([24, 10]);
  });

  it('goes through every source and target', () => {
    expect(pairs).toHaveLength(sources.length * targets.length);
  });

  it.each(pairs)('is whole from %s to %s', async (source, target) => {
    const dir = makeFolder();
    writeTruthFiles(dir);
    const pipeline = truthPipeline({ dir, url }, 't', source, [target]);
    writeFileSync(join(dir, 'pipeline.yaml'), stringify(pipeline));
    const env = target === 'postgresql' ? { [TRUTH_DATABASE]: await databaseFor('truth') } : {};
    await runPipeline(dir, undefined, { env });
    const found = (await READERS[target]!(dir)).sort(([a], [b]) => Number(a) - Number(b));
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
      if (isTrue(target, is, value)) return [];
      return [
        `${TRUTH[index]!.name} ${ROW} ${at}: ${String(is).slice(0, 60)} instead of ${String(value).slice(0, 60)}`,
      ];
    }),
  );
}
