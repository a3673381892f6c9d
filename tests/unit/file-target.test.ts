/** What all targets of files do with a folder: the manifest, an existing set, files of others, what somebody has removed. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATE, decimal, INTEGER, STRING, TIMESTAMP, UNKNOWN, type Schema } from '../../pipeline/types';
import { csv } from '../../targets/csv';
import { readManifest } from '../../targets/files/manifest';
import { parquet } from '../../targets/parquet';
import { openFiles } from '../support/file-table';
import { makeFolder } from '../support/folder';
import { LOAD_KEY, makePart, queryPart } from '../support/parts';
import { runPipeline } from '../support/run-case';

const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'name', type: STRING },
];
const row = (id: number) => [[String(id), `n${id}`]];
const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

describe('_manifest.json', () => {
  it('lists exactly the files that are the table, with rows, bytes, checksum and run', async () => {
    const files = openFiles(parquet, { mode: 'append' });
    await files.run(SCHEMA, [row(1), row(2)]);
    await files.run(SCHEMA, [row(3)]);
    const manifest = files.manifest();
    expect(manifest.files.map(({ path }) => path).sort()).toEqual(files.list());
    expect(manifest).toMatchObject({
      version: 2,
      rows: 3,
      format: { type: 'parquet' },
      schema: [
        { name: 'id', type: 'integer' },
        { name: 'name', type: 'string' },
      ],
    });
    for (const { path, bytes, sha256, rows } of manifest.files) {
      const content = readFileSync(files.at(path));
      expect([bytes, rows]).toEqual([content.length, 1]);
      expect(sha256).toBe(createHash('sha256').update(content).digest('hex'));
    }
    expect(manifest.files.at(-1)?.run_key).toBe(manifest.run_key);
    await files.run(SCHEMA, [row(4)], { mode: 'replace' });
    expect(files.list()).toEqual(files.manifest().files.map(({ path }) => path));
    expect(files.manifest().rows).toBe(1);
  });

  it('is written again where a publish was killed before it, and old files then go', async () => {
    const files = openFiles(csv, {});
    await files.run(SCHEMA, [row(1)]);
    const before = readFileSync(files.at('_manifest.json'));
    await files.run(SCHEMA, [row(2)]);
    const after = readFileSync(files.at('_manifest.json'), 'utf8');
    writeFileSync(files.at('_manifest.json'), before);
    await files.open().begin({ ...LOAD_KEY, runKey: 'next' }, false);
    expect(readFileSync(files.at('_manifest.json'), 'utf8')).toBe(after);
  });

  it('is the only thing that readers find of a load before its publish', async () => {
    const files = openFiles(parquet, {});
    await files.run(SCHEMA, [row(1)]);
    await files.open().load(LOAD_KEY, await makePart(SCHEMA, row(2)));
    const glob = `SELECT id FROM read_parquet('${files.at()}/**/*.parquet')`;
    expect(await files.query(glob)).toEqual([['1']]);
  });
});

describe('one file', () => {
  it('whose publish was killed before it was shown is shown by the next run', async () => {
    const files = openFiles(csv, { path: 'out/x.csv' });
    await files.run(SCHEMA, [row(1)]);
    const own = join(files.at(), '..', '_flexetl', 'x.csv');
    const { content = '' } = (await readManifest(own)).files[0]!;
    mkdirSync(join(own, content, '..'), { recursive: true });
    renameSync(files.at(), join(own, content));
    writeFileSync(files.at(), 'old');
    expect(await files.open().begin({ ...LOAD_KEY, runKey: 'next' }, false)).toEqual({ answer: 'fresh' });
    expect(readFileSync(files.at(), 'utf8')).toBe('id,name\n1,n1\n');
  });
});

describe('an existing set of files', () => {
  const appended = async (schema: Schema, options = {}, more: readonly (string | null)[] = ['2', null]) => {
    const files = openFiles(parquet, { mode: 'append', ...options });
    await files.run(SCHEMA, [row(1)]);
    await files.run(schema, [[[...more]]]);
    return files.query(
      `SELECT * FROM read_parquet('${files.at()}/*.parquet', union_by_name = true) ORDER BY id`,
    );
  };

  it('gets new columns, and nulls for missing ones', async () => {
    const schema = [
      { name: 'more', type: STRING },
      { name: 'id', type: INTEGER },
    ];
    expect(await appended(schema, { schema_contract: 'evolve' }, ['x', '2'])).toEqual([
      ['1', 'n1', null],
      ['2', null, 'x'],
    ]);
  });

  it.each([
    ['another order of columns', [SCHEMA[1]!, SCHEMA[0]!], ['n2', '2']],
    ['a missing column, which is null', [SCHEMA[0]!], ['2']],
    ['a column without a value', [SCHEMA[0]!, { name: 'name', type: UNKNOWN }], ['2', null]],
  ])('takes %s, also when it is frozen', async (_, schema, more) => {
    const rows = await appended(schema, { schema_contract: 'freeze' }, more);
    expect(rows.map(([id]) => id)).toEqual(['1', '2']);
  });

  it('has the wider types of before', async () => {
    const wide: Schema = [
      { name: 'amount', type: decimal(21, 2) },
      { name: 'at', type: TIMESTAMP },
    ];
    const files = openFiles(parquet, { mode: 'append' });
    await files.run(wide, [[['1.50', '2026-01-01 10:00:00']]]);
    const narrow: Schema = [
      { name: 'amount', type: INTEGER },
      { name: 'at', type: DATE },
    ];
    await files.run(narrow, [[['2', '2026-01-02']]]);
    const sql = `SELECT amount::VARCHAR, ("at" AT TIME ZONE 'UTC')::VARCHAR FROM read_parquet('${files.at()}/*.parquet') ORDER BY 1`;
    expect(await files.query(sql)).toEqual([
      ['1.50', '2026-01-01 10:00:00'],
      ['2.00', '2026-01-02 00:00:00'],
    ]);
  });

  it('refuses a new column, unless it may evolve', async () => {
    const files = openFiles(csv, { mode: 'append' });
    await files.run(SCHEMA, [row(1)]);
    const schema = [...SCHEMA, { name: 'more', type: STRING }];
    expect(await messageOf(files.open().check(schema))).toMatch(/^TARGET_INCOMPATIBLE: .*lack column "more"/);
    await files.open({ schema_contract: 'evolve' }).check(schema);
  });

  it.each([
    [INTEGER, decimal(18, 2)],
    [INTEGER, STRING],
    [STRING, INTEGER],
    [decimal(18, 2), decimal(19, 2)],
    [decimal(18, 2), decimal(18, 3)],
    [decimal(18, 2), INTEGER],
    [DATE, TIMESTAMP],
  ])('of %j refuses %j, which it cannot hold', async (existing, type) => {
    const files = openFiles(parquet, { mode: 'append' });
    await files.run([{ name: 'a', type: existing }], [[[null]]]);
    expect(await messageOf(files.open().check([{ name: 'a', type }]))).toMatch(/^TARGET_INCOMPATIBLE: .*"a"/);
    await files.open({ mode: 'replace' }).check([{ name: 'a', type }]);
  });

  it.each([
    ['another dialect', csv, {}, csv, { delimiter: ';' }],
    ['another compression of files', csv, {}, csv, { compression: 'gzip' }],
    ['another format', csv, {}, parquet, {}],
    ['other folders', parquet, {}, parquet, { partition_by: ['name'] }],
  ] as const)('refuses %s, which readers could not tell apart', async (_, first, before, second, after) => {
    const dir = makeFolder();
    await openFiles(first as typeof csv, { mode: 'append', ...before }, dir).run(SCHEMA, [row(1)]);
    const files = openFiles(second as typeof csv, { mode: 'append', ...after }, dir);
    expect(await messageOf(files.open().check(SCHEMA))).toMatch(
      /^TARGET_INCOMPATIBLE: .*they were written with/,
    );
  });

  it('with a column that another pipeline has added meanwhile, of another type, is not mixed', async () => {
    const files = openFiles(parquet, { mode: 'append', schema_contract: 'evolve' });
    await files.run(SCHEMA, [row(1)]);
    const schema = [...SCHEMA, { name: 'more', type: INTEGER }];
    await files.open().load(LOAD_KEY, await makePart(schema, [['2', 'b', '5']]));
    await files.run([...SCHEMA, { name: 'more', type: STRING }], [[['3', 'c', 'text']]]);
    expect(await messageOf(files.open().publish(LOAD_KEY, schema))).toMatch(/^TARGET_INCOMPATIBLE: .*"more"/);
    expect(files.manifest().rows).toBe(2);
  });
});

describe('max_shrink', () => {
  it.each([
    [0.5, 5, null],
    [0.7, 3, null],
    [1, 0, null],
    [0.5, 4, 'at least 5'],
    [0, 9, 'at least 10'],
    [0.99, 0, 'at least 1'],
  ])('%d lets 10 rows be replaced by %d: %s', async (max_shrink, rows, refused) => {
    const many = (count: number) => [Array.from({ length: count }, (_, id) => [`${id}`, 'x'])];
    const files = openFiles(csv, { max_shrink });
    await files.run(SCHEMA, many(10));
    const message = await messageOf(files.run(SCHEMA, rows === 0 ? [] : many(rows)));
    expect(message).toMatch(refused === null ? /^no error$/ : new RegExp(`^CHECK_FAILED: .*${refused}`));
    expect(files.manifest().rows).toBe(refused === null ? rows : 10);
  });
});

describe('files of others', () => {
  it('that readers would take as rows are an error, wherever they lie, and stay', async () => {
    const files = openFiles(parquet, {});
    mkdirSync(files.at('deep', 'er'), { recursive: true });
    writeFileSync(files.at('deep', 'er', 'mine.PARQUET'), 'mine');
    expect(await messageOf(files.open().check(SCHEMA))).toMatch(/^TARGET_INVALID: .*deep\/er\/mine\.PARQUET/);
    rmSync(files.at('deep'), { recursive: true });
    await files.run(SCHEMA, [row(1)]);
    writeFileSync(files.at('mine.parquet'), 'mine');
    expect(await messageOf(files.open().check(SCHEMA))).toMatch(/^TARGET_INVALID: .*mine\.parquet/);
    await files.open().publish({ ...LOAD_KEY, runKey: 'replaces' }, SCHEMA, 0);
    expect(existsSync(files.at('mine.parquet'))).toBe(true);
  });

  it('of other kinds are left where they are', async () => {
    const files = openFiles(parquet, {});
    mkdirSync(files.at('_temporary'), { recursive: true });
    for (const name of ['notes.txt', '_SUCCESS', '.hidden.parquet', '_temporary/x.parquet'])
      writeFileSync(files.at(name), 'mine');
    await files.run(SCHEMA, [row(1)]);
    await files.run(SCHEMA, [row(2)]);
    for (const name of ['notes.txt', '_SUCCESS', '.hidden.parquet', '_temporary/x.parquet'])
      expect(readFileSync(files.at(name), 'utf8')).toBe('mine');
  });

  it('are also those whose manifest somebody has removed', async () => {
    const files = openFiles(parquet, {});
    await files.run(SCHEMA, [row(1)]);
    rmSync(files.at('_flexetl'), { recursive: true });
    rmSync(files.at('_manifest.json'));
    expect(await messageOf(files.open().check(SCHEMA))).toMatch(/^TARGET_INVALID: .*no longer knows/);
  });

  it('are also a manifest of another tool, which would be replaced', async () => {
    const files = openFiles(parquet, {});
    mkdirSync(files.at());
    writeFileSync(files.at('_manifest.json'), 'mine');
    expect(await messageOf(files.open().check(SCHEMA))).toMatch(/^TARGET_INVALID: .*_manifest\.json/);
  });

  it('do not include those of a load that is under way', async () => {
    const files = openFiles(parquet, {});
    await files.run(SCHEMA, [row(1)]);
    const other = { ...LOAD_KEY, pipeline: 'other' };
    await files.open().load(other, await makePart(SCHEMA, row(2)));
    await files.open().check(SCHEMA);
    expect((await files.open().publish(other, SCHEMA, 1)).rows).toBe(1);
    await files.open().check(SCHEMA);
  });
});

describe('files that somebody has removed', () => {
  it('are no longer part of the table, and their load may be done again', async () => {
    const files = openFiles(csv, { mode: 'append' });
    for (const id of [1, 2]) {
      const key = { ...LOAD_KEY, runKey: `day ${id}`, digest: `rows ${id}` };
      await files.open().load(key, await makePart(SCHEMA, row(id)));
      await files.open().publish(key, SCHEMA, 1, [{ source: 's', state: id }]);
    }
    const [first] = files.manifest().files;
    rmSync(files.at(first!.path));
    const again = { ...LOAD_KEY, runKey: 'day 1', digest: 'rows 1' };
    expect(await files.open().begin({ ...again, runKey: 'x', digest: 'rows 2' }, true)).toMatchObject({
      answer: 'published',
    });
    expect(files.manifest().rows).toBe(1);
    expect(await files.open().begin({ ...again, runKey: 'x' }, true)).toEqual({ answer: 'fresh' });
    expect(await files.open().state({ ...LOAD_KEY, source: 's' })).toMatchObject({ state: 2 });
  });

  it('take the state of a source with them when they were all', async () => {
    const files = openFiles(csv, { path: 'out/x.csv' });
    await files.open().load(LOAD_KEY, await makePart(SCHEMA, row(1)));
    await files.open().publish(LOAD_KEY, SCHEMA, 1, [{ source: 's', state: 1 }]);
    expect(await files.open().state({ ...LOAD_KEY, source: 's' })).toMatchObject({ state: 1 });
    rmSync(files.at());
    expect(await files.open().state({ ...LOAD_KEY, source: 's' })).toBeUndefined();
    expect(await files.open().begin(LOAD_KEY, false)).toEqual({ answer: 'fresh' });
    await files.open().load(LOAD_KEY, await makePart(SCHEMA, row(1)));
    expect((await files.open().publish(LOAD_KEY, SCHEMA, 1)).rows).toBe(1);
    expect(readFileSync(files.at(), 'utf8')).toBe('id,name\n1,n1\n');
  });
});

describe('a file that the source reads', () => {
  it('is not replaced by the target', async () => {
    const dir = makeFolder();
    writeFileSync(join(dir, 'in.csv'), 'id\n1\n');
    const targets = '[{ type: csv, path: ./in.csv }]';
    const text = `version: '1.0'\npipeline:\n  name: p\n  source: { type: csv, path: in.csv }\n  targets: ${targets}\n`;
    writeFileSync(join(dir, 'pipeline.yaml'), text);
    expect(await messageOf(runPipeline(dir))).toMatch(
      /^CONFIG_INVALID: .*in\.csv, which is a file of the source/,
    );
    expect(readFileSync(join(dir, 'in.csv'), 'utf8')).toBe('id\n1\n');
  });
});

describe('a path that cannot be written', () => {
  it.each([
    ['is a file where a folder should be', 'out', (path: string) => writeFileSync(path, 'a file')],
    ['is below a file', 'out/deep', (path: string) => writeFileSync(join(path, '..'), 'a file')],
    ['is a folder where a file should be', 'out.csv', (path: string) => mkdirSync(path)],
    ['is in a folder that takes no files', 'out', (path: string) => symlinkSync('/proc', path)],
  ])('because it %s is refused by check, with advice', async (_, path, spoil) => {
    const files = openFiles(csv, { path });
    spoil(files.at());
    await expect(files.open().check(SCHEMA)).rejects.toMatchObject({
      code: 'TARGET_INVALID',
      message: expect.stringContaining(path) as string,
      hint: expect.stringContaining('`path`') as string,
    });
  });

  it('on a full disk waits for space, and leaves no half of a file', async () => {
    const files = openFiles(csv, {});
    mkdirSync(files.at());
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', files.at()]);
    try {
      const sql = `SELECT range AS id, md5(range::VARCHAR) AS name FROM range(50000)`;
      const part = await queryPart(SCHEMA, sql, 50_000);
      await expect(files.open().load(LOAD_KEY, part)).rejects.toMatchObject({
        code: 'DISK_FULL',
        message: expect.stringContaining('out is full') as string,
      });
      await files.run(SCHEMA, [row(1)]);
      expect(files.manifest().rows).toBe(1);
    } finally {
      execFileSync('umount', [files.at()]);
    }
  });
});
