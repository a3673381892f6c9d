/** The laws of sources, for every source in the list and for one that yields pages. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Source } from '../../plugin/source';
import { withDuckdb, type Duckdb } from '../../runtime/duckdb';
import { sources } from '../../sources/index';
import { ITEMS, itemsOf, pageOf, sendPage, startApi } from '../support/api/loopback-api';
import { noteCaught, noteLaws } from '../support/conformance-table';
import { dirtyCsv, knownCsv } from '../support/dirty-csv';
import { dirtyJson } from '../support/dirty-json';
import { fakeRecords, ordersOf } from '../support/fake-record-source';
import { makeMemoryFolder } from '../support/folder';
import { changeSource, LAWLESS } from '../support/lawless-sources';
import { brokenLaws, LAWS, type Law, type SourceCase } from '../support/source-laws';
import { openSandbox, type Sandbox, type Values } from '../support/source-sandbox';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 150);
const SEED = Number(process.env['PROPERTY_SEED'] ?? 11);

const ROWS: Values[] = Array.from({ length: 60 }, (_, index) => [
  String(index),
  index % 7 === 0 ? null : `name ${index}`,
  index % 5 === 0 ? `two\nlines, "${index}"` : 'plain',
]);

type Input = Omit<SourceCase, 'source' | 'project' | 'options'> & {
  options: Record<string, unknown>;
  close?: () => Promise<void>;
};

interface Fixture {
  /** A clean input of several partitions. */
  clean(project: Sandbox): Input | Promise<Input>;
  /** Inputs of any kind. */
  any?: fc.Arbitrary<{ bytes: Buffer; options: Record<string, unknown>; dataEnd?: number }>;
  /** How much fewer of them are tried. */
  share?: number;
}

/** How each source is given an input; a new source adds its line. */
const FIXTURES: Record<string, Fixture> = {
  csv: {
    clean(project) {
      const cell = (text: string | null): string => (text === null ? '' : `"${text.replaceAll('"', '""')}"`);
      const lines = [['id', 'name', 'note'], ...ROWS].map((row) => row.map(cell).join(','));
      const text = Buffer.from(`${lines.join('\n')}\n`);
      const path = project.write('data.csv', text);
      const change = (): void => writeFileSync(join(project.dir, path), 'id,name,note\n');
      return { options: { path }, sizes: [64, 1000], rows: ROWS, text, change };
    },
    any: fc.oneof(dirtyCsv, knownCsv),
  },
  api: {
    async clean() {
      const textOf = (value: unknown): string | null =>
        value === null || typeof value === 'string' ? value : JSON.stringify(value);
      const server = await startApi({
        items: (exchange) => sendPage(exchange, { items: itemsOf(pageOf(exchange)) }),
      });
      const options = { url: server.urlOf('items'), record_path: '$.data', pagination: { type: 'page' } };
      return {
        options: { ...options, allow_private: true },
        close: () => server.close(),
        sizes: [1, 2000],
        rows: ITEMS.map((item) => {
          const [, id = '', price = '', rest = ''] =
            /"id":(\d+),"price":([\d.]+),(.*),"tags"/.exec(item) ?? [];
          const { code, name } = JSON.parse(`{${rest}}`) as Record<string, unknown>;
          return [id, price, textOf(code), textOf(name), '[1.0,{"k":null}]'];
        }),
      };
    },
  },
  json: {
    clean(project) {
      const lines = ROWS.map(([id, name, note]) => `${JSON.stringify({ id: Number(id), name, note })}\n`);
      const text = Buffer.from(lines.join(''));
      const path = project.write('data.ndjson', text);
      const change = (): void => writeFileSync(join(project.dir, path), '{"id":1}\n');
      return { options: { path }, sizes: [64, 1000], rows: ROWS, text, change };
    },
    any: dirtyJson,
    share: 1 / 3,
  },
  fake_records: {
    clean: () => ({
      options: { pages: 7, requests: 'requests' },
      sizes: [1, 500],
      rows: [0, 1, 2, 3, 4, 5, 6]
        .flatMap(ordersOf)
        .map(({ id, price, note, lines }) => [
          String(id),
          price === null ? null : String(price),
          note === '' ? null : String(note),
          lines === undefined ? null : JSON.stringify(lines),
        ]),
    }),
  },
};

const inDuckdb = <T>(dir: string, work: (db: Duckdb) => Promise<T>): Promise<T> =>
  withDuckdb({ dir, memoryMb: 200, threads: 2 }, work);

const all: Source<object>[] = [...sources, fakeRecords];

describe.each(all.map((source) => [source.type, source] as const))('the source %s', (type, source) => {
  const project = openSandbox(makeMemoryFolder());
  const fixture = FIXTURES[type];
  if (!fixture) throw new Error(`The source ${type} has no fixture.`);
  let options: Input['options'];
  let given: SourceCase;
  let close: Input['close'];
  beforeAll(async () => {
    const { options: written, close: end, ...clean } = await fixture.clean(project);
    options = written;
    close = end;
    given = { ...clean, source, project, options: source.options.parse(options) };
  });
  afterAll(() => close?.());

  it('describes itself and every option', () => {
    expect(source.description).toMatch(/\.$/);
    const { shape } = source.options as unknown as { shape: Record<string, { description?: string }> };
    for (const [name, option] of Object.entries(shape))
      expect([name, option.description]).toEqual([name, expect.stringMatching(/\.$/)]);
  });

  it('refuses unknown options', () => {
    expect(source.options.safeParse({ ...options, no_such_option: 1 }).success).toBe(false);
  });

  it('keeps the laws over any input', async () => {
    const { any } = fixture;
    if (!any) return;
    await inDuckdb(project.dir, (db) =>
      fc.assert(
        fc.asyncProperty(any, fc.integer({ min: 1, max: 64 }), async (input, size) => {
          const path = project.write('any', input.bytes);
          const parsed = source.options.parse({ ...input.options, path });
          const text = input.bytes.subarray(0, input.dataEnd);
          const one = { source, project, options: parsed, sizes: [size], text };
          const broken = await brokenLaws(one, db).catch((error: { code?: string }) => [String(error.code)]);
          // An input that cannot be read at all is refused by the survey.
          expect(broken.filter((law) => law !== 'SOURCE_UNREADABLE')).toEqual([]);
        }),
        { numRuns: Math.ceil(RUNS * (fixture.share ?? 1)), seed: SEED },
      ),
    );
  }, 180_000);

  it('keeps the laws over a clean input', async () => {
    const broken = await inDuckdb(project.dir, (db) => brokenLaws(given, db));
    const concerns = (law: string): boolean =>
      (given.text !== undefined || law !== 'offsets, lines and raw texts are true') &&
      (given.change !== undefined || law !== 'a change is noticed, and only a change');
    noteLaws('sources', type, Object.keys(LAWS), broken, concerns);
    expect(broken).toEqual([]);
  });
});

describe('the suite', () => {
  it.each(Object.keys(LAWLESS) as Law[])('catches a source that breaks the law: %s', async (law) => {
    const project = openSandbox(makeMemoryFolder());
    const [csv] = sources;
    const { options, ...clean } = await FIXTURES['csv']!.clean(project);
    const given = { ...clean, project, options: csv.options.parse(options) };
    const broken = await inDuckdb(project.dir, (db) =>
      brokenLaws({ ...given, source: changeSource(csv, LAWLESS[law]) }, db, [law]),
    );
    expect(broken).toEqual([expect.stringContaining(law)]);
    noteCaught('sources', law);
  });
});
