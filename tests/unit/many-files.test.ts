/** Many small files: those that follow each other are read together, with the rows and places that they have alone. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { LIMITS } from '../../pipeline/limits';
import type { OpenSource, Partition, SourceRecord } from '../../plugin/source';
import { withDuckdb } from '../../runtime/duckdb';
import { csv } from '../../sources/csv';
import { makeFolder, makeMemoryFolder } from '../support/folder';
import { readTable } from '../support/project';
import { runPipeline } from '../support/run-case';
import { landAll, openSandbox, readFast, readRecords, readRepaired } from '../support/source-sandbox';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 60);
const SEED = Number(process.env['PROPERTY_SEED'] ?? 11);
const WHOLE = Number.MAX_SAFE_INTEGER;
const root = openSandbox(makeMemoryFolder());

const nameOf = (file: number): string => `data/f${String(file).padStart(5, '0')}.csv`;

describe('a run over 400 files of one record', () => {
  /** @param sections of the pipeline file */
  function openProject(textOf: (file: number) => string, sections: object = {}): string {
    const dir = makeFolder();
    mkdirSync(join(dir, 'data'));
    for (let file = 0; file < 400; file += 1) writeFileSync(join(dir, nameOf(file)), textOf(file));
    const target = { type: 'sqlite', database: 'out.db', table: 't', mode: 'replace' };
    const pipeline = { name: 'many', source: { type: 'csv', path: 'data' }, targets: [target], ...sections };
    writeFileSync(join(dir, 'pipeline.yaml'), stringify({ version: '1.0', pipeline }));
    return dir;
  }
  const textOf = (file: number): string => `id,v\n${file},${file}.5\n`;

  it('has one partition, and all rows in their order', async () => {
    const dir = openProject(textOf);
    const { plan, read, output } = await runPipeline(dir);
    expect([plan?.partitions, read, output]).toEqual([1, 400, 400]);
    expect(readTable(join(dir, 'out.db'), 't')).toEqual(
      Array.from({ length: 400 }, (_, file) => [String(file), `${file}.5`]),
    );
  });

  it('tells the file, line and record of a reject', async () => {
    const bad = 'id,v\n\n250,"2\n50"\nnone,x\n';
    const dir = openProject((file) => (file === 250 ? bad : textOf(file)), {
      validation: { schema: { id: { type: 'integer' }, v: { type: 'string' } } },
    });
    await expect(runPipeline(dir)).rejects.toMatchObject({
      code: 'RECORDS_REJECTED',
      message: expect.stringContaining('1 of 401 records'),
      places: [{ file: nameOf(250), line: 5, record: 2, column: 'id', value: 'none' }],
    });
  });

  it('tells the file of the value that ends a cast', async () => {
    const dir = openProject((file) => (file === 250 ? 'id,v\n250,none\n' : textOf(file)), {
      validation: { schema: { v: { type: 'string' } } },
      transformations: [{ type: 'cast', columns: { v: 'decimal(10,2)' } }],
    });
    await expect(runPipeline(dir)).rejects.toMatchObject({
      code: 'CAST_FAILED',
      places: [{ file: nameOf(250), line: 2, record: 1, column: 'v', value: 'none' }],
    });
  });
});

describe('small files of a source', () => {
  let folders = 0;
  function openFiles(texts: readonly (string | Buffer)[], given: object = {}): OpenSource {
    const folder = `several-${(folders += 1)}`;
    const sandbox = root.freshRun();
    texts.forEach((text, file) =>
      sandbox.write(`${folder}/${nameOf(file)}${Buffer.isBuffer(text) ? '.gz' : ''}`, text),
    );
    const options = csv.options.parse({ path: `${folder}/data`, delimiter: ',', ...given });
    return csv.open(options, sandbox.context);
  }

  const spansOf = (partitions: readonly Partition[]): number[][] =>
    partitions.map(({ file, lastFile = file }) => [file, lastFile]);
  const cut = async (files: readonly string[], bytes = WHOLE): Promise<number[][]> =>
    spansOf((await landAll(openFiles(files), bytes)).partitions);

  it('are as many in a partition as its limits allow', async () => {
    const files = Array.from({ length: LIMITS.joinedFilesMax + 2 }, (_, file) => `a\n${file}\n`);
    const { joinedFilesMax: most } = LIMITS;
    expect(await cut(files)).toEqual([[0, most - 1], [most, most + 1]]); // prettier-ignore
  });

  it('are joined up to the size of partitions, also beside a large file', async () => {
    const small = 'a\n1234567\n';
    expect(await cut([small, small, small, small], 24)).toEqual([[0, 2], [3, 3]]); // prettier-ignore
    const large = `a\n${'1234567\n'.repeat(5)}`;
    expect(await cut([small, small, large, small, small], 24)).toEqual([[0, 1], [2, 2], [2, 2], [3, 4]]); // prettier-ignore
  });

  it('are joined with their like only', async () => {
    expect(await cut(['a\n1\n', 'a\n2\n', 'a\r\n3\r\n', 'a\r\n', 'a\r\n4\r\n'])).toEqual([[0, 1], [2, 4]]); // prettier-ignore
  });

  const withoutOrdinal = ({ ordinal: _, ...record }: SourceRecord): object => record;

  /** Both lanes, and the places, against the files one by one. @returns whether the fast lane was taken */
  async function expectAsAlone(texts: readonly (string | Buffer)[], given: object = {}): Promise<boolean> {
    const source = openFiles(texts, given);
    const { survey, partitions } = await landAll(source, WHOLE);
    const { files } = survey.detected as { files: { start: number; bytes: number }[] };
    const ranges = files.map(({ start, bytes: end }, file) => ({ index: file, file, start, end }));
    const alone = await readRecords(source, survey, ranges);
    const joined = await readRecords(source, survey, partitions);
    expect(joined.map(withoutOrdinal)).toEqual(alone.map(withoutOrdinal));
    if (partitions.length !== 1 || !partitions[0]) return false;
    const [partition] = partitions;
    const third = joined.filter(({ ordinal }) => ordinal % 3 === 2);
    const asked: SourceRecord[] = [];
    for await (const record of source.records(
      survey,
      partition,
      third.map(({ ordinal }) => ordinal),
    ))
      asked.push(record);
    expect(asked).toEqual(third);
    return withDuckdb({ dir: root.dir, memoryMb: 200, threads: 2 }, async (db) => {
      const good = joined.flatMap(({ values }) => (values ? [values] : []));
      const repaired = await readRepaired(db, source, survey, partition);
      expect(repaired.rows).toEqual(good);
      expect(repaired.broken).toEqual(joined.flatMap(({ values, ordinal }) => (values ? [] : [ordinal])));
      const fast = await readFast(db, source, survey, partition);
      if (fast) expect(fast).toEqual(joined.map(({ values }) => values));
      return fast !== undefined;
    });
  }

  it.each<[string, (string | Buffer)[], object]>([
    ['with and without a line break at the end', ['a,b\n1,x', 'a,b\n2,y\n', 'a,b\n3,"z"'], {}],
    ['with empty lines', ['a,b\n1,x\n\n\n', 'a,b\n\n2,y', 'a,b\n\n\n3,z\n'], {}],
    ['of one column, where an empty line is a record', ['a\n1\n\n', 'a\n\n', 'a\n2', 'a\n3\n'], {}],
    ['with CRLF', ['a,b\r\n1,"x\r\ny"\r\n', 'a,b\r\n2,y', 'a,b\r\n3,z\r\n'], {}],
    ['that are gzipped', [gzipSync('a,b\n1,x\n'), gzipSync('a,b\n2,y')], {}],
    ['with a byte order mark', ['\ufeffa,b\n1,x\n', '\ufeffa,b\n2,y\n'], {}],
    ['without a header', ['1,x\n2,y', '3,z\n'], { header: false }],
    ['after lines to skip', ['by me\na,b\n1,x\n', 'you\na,b\n2,y\n'], { skip_rows: 1 }],
  ])('are read in the fast lane as they are alone: %s', async (_title, texts, given) => {
    expect(await expectAsAlone(texts, given)).toBe(true);
  });

  it.each<[string, string[]]>([
    ['a quote that is not closed', ['a,b\n1,x\n2,"y\n', 'a,b\n3,"z"\n4,u\n']],
    ['a quote that is not closed, at its very end', ['a,b\n1,"x', 'a,b\n2,y"\n']],
    ['a carriage return at its end', ['a,b\n1,x\r', 'a,b\n2,y\n']],
    ['half a line break at its end', ['a,b\r\n1,x\r', 'a,b\r\n2,y\r\n']],
    ['a field too many', ['a,b\n1,x\n', 'a,b\n1,x,2\n', 'a,b\n3,z']],
  ])('are told apart where one has %s', async (_title, texts) => {
    await expectAsAlone(texts);
  });

  it('have the records and places that they have alone, whatever is in them', async () => {
    const token = fc.constantFrom(
      '1',
      'x',
      '"q"',
      '""',
      '"a,b"',
      '"',
      'x"y',
      '\n',
      '\r\n',
      '\r',
      ',',
      ' ',
      '\0',
    );
    const line = fc.array(token, { maxLength: 6 }).map((tokens) => tokens.join(''));
    const body = fc.array(fc.oneof(fc.constant('1,x'), fc.constant('2,"y"'), line), { maxLength: 4 });
    const texts = fc.array(fc.tuple(body, fc.boolean()), { minLength: 2, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(texts, fc.constantFrom('\n', '\r\n'), async (files, newline) => {
        await expectAsAlone(
          files.map(([lines, ends]) => ['a,b', ...lines].join(newline) + (ends ? newline : '')),
          { quote: '"' },
        );
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});
