/** Which load is which: by the file and table, by the input, never by how they are written or in which order. */
import { readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../engine/resolve-config';
import { targets } from '../../targets/index';
import { createTestDeps } from '../support/engine';
import { openCase, type Case } from '../support/run-case';

const counts = ({ rows }: Case, ...databases: string[]): (number | undefined)[] =>
  databases.map((database) => rows('t', database)?.length);

describe('two targets that are one table', () => {
  it.each(['pipeline.yaml', 'pipeline-case.yaml', 'pipeline-dots.yaml'])(
    'are refused with the pipeline file: %s',
    async (file) => {
      const opened = openCase('one-table-two-spellings');
      const { code, message } = await opened.refusal(file);
      expect(code).toBe('CONFIG_INVALID');
      expect(message).toMatch(/targets\.1: writes to .*#[tT], as targets\.0 does/);
      expect(counts(opened, 'out.db')).toEqual([undefined]);
    },
  );

  it.each([
    ['is not there yet', false],
    ['is there', true],
  ])('by a link to a database that %s are refused before anything is loaded', async (_, exists) => {
    const opened = openCase('one-table-two-spellings');
    if (exists) opened.sql('out.db', 'CREATE TABLE t (id INTEGER)');
    symlinkSync('out.db', join(opened.dir, 'link.db'));
    const refused = await opened.refusal('pipeline.yaml', {
      overrides: ['targets.1.database=link.db'],
    });
    expect(refused).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('targets.1 writes to link.db#t, which is out.db#t') as string,
    });
    expect(counts(opened, 'out.db')).toEqual([exists ? 0 : undefined]);
  });

  it('are not those of two databases, or of two tables', () => {
    const { dir } = openCase('one-table-two-spellings');
    const deps = createTestDeps(dir, { targets });
    const config = (second: string): string =>
      `version: '1.0'\nname: x\nsource: { type: csv, path: a.csv }\ntargets:\n` +
      `  - { type: sqlite, database: out.db, table: t }\n  - { type: sqlite, ${second} }\n`;
    for (const second of ['database: out/out.db, table: t', 'database: out.db, table: t2'])
      expect(parseConfig(deps, { text: config(second), file: 'x.yaml', overrides: [] }).targets).toHaveLength(
        2,
      );
  });
});

describe('a run key', () => {
  it('loads once into each table, however the list of targets is ordered, shortened or spelled', async () => {
    const opened = openCase('run-key-after-reorder');
    for (const file of ['pipeline.yaml', 'pipeline-after.yaml', 'pipeline-spelled.yaml', 'pipeline.yaml']) {
      await opened.run(file, { runKey: 'day-1' });
      expect(counts(opened, 'one.db', 'two.db')).toEqual([2, 2]);
    }
    const later = await opened.run('pipeline-spelled.yaml', { runKey: 'day-1' });
    expect(later).toMatchObject({ read: 0, targets: [{ already: { run_key: 'day-1', rows: 2 } }] });
  });

  it('loads once into a table whose name is written in other letters, and apart into É and é', async () => {
    const opened = openCase('run-key-after-reorder');
    for (const table of ['t', 'T', 'É', 'é'])
      await opened.run('pipeline-after.yaml', { runKey: 'day-1', overrides: [`targets.0.table=${table}`] });
    expect(['t', 'É', 'é'].map((table) => opened.rows(table, 'one.db')?.length)).toEqual([2, 2, 2]);
  });

  it('loads once into a database that was moved, from a copy of the file', async () => {
    const opened = openCase('run-key-after-reorder');
    await opened.run('pipeline-after.yaml', { runKey: 'day-1' });
    opened.sql('one.db', 'PRAGMA journal_mode = DELETE');
    const moved = openCase('run-key-after-reorder');
    renameSync(join(opened.dir, 'one.db'), join(moved.dir, 'one.db'));
    await moved.run('pipeline-after.yaml', { runKey: 'day-1' });
    expect(counts(moved, 'one.db')).toEqual([2]);
  });

  it.each([
    ['another file', [], 'id,v\n1,a\n2,c\n'],
    ['another pipeline', ['source.null_values=["a"]'], undefined],
    ['another mode', ['targets.0.mode=replace'], undefined],
  ])('belongs to what it has loaded: %s is refused, and both are named', async (_, overrides, text) => {
    const opened = openCase('run-key-after-reorder');
    await opened.run('pipeline-after.yaml', { runKey: 'day-1' });
    const before = opened.rows('t', 'one.db');
    if (text !== undefined) writeFileSync(join(opened.dir, 'data/in.csv'), text);
    const refused = await opened.refusal('pipeline-after.yaml', { runKey: 'day-1', overrides });
    expect(refused).toMatchObject({
      code: 'KEY_REUSED',
      message: expect.stringMatching(
        /^Run key "day-1" has loaded data\/in\.csv \(.*\) by pipeline .* mode append into one\.db#t at 20.*Z \(2 rows\); now it is asked to load data\/in\.csv .*/,
      ) as string,
    });
    expect(opened.rows('t', 'one.db')).toEqual(before);
  });

  it('is not bound to what changes no row: chunks, retries, log level, other targets', async () => {
    const opened = openCase('run-key-after-reorder');
    await opened.run('pipeline-after.yaml', { runKey: 'day-1' });
    const overrides = [
      'scalability.processing.chunk_size=1',
      'fault_tolerance.retry.max_attempts=5',
      'monitoring.logging.level=DEBUG',
      'source.path=./data/in.csv',
    ];
    await opened.run('pipeline.yaml', { runKey: 'day-1', overrides });
    expect(counts(opened, 'one.db', 'two.db')).toEqual([2, 2]);
  });
});

describe('a run without a key', () => {
  it('after a partial one loads only what is missing', async () => {
    const opened = openCase('partial-then-again');
    const script = (name: string): string => readFileSync(join(opened.dir, name), 'utf8');
    opened.sql('two.db', script('setup.sql'));
    expect(await opened.refusal('pipeline.yaml', { once: true })).toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
    });
    expect(counts(opened, 'one.db', 'two.db')).toEqual([2, 0]);
    opened.sql('two.db', script('mend.sql'));
    await opened.run('pipeline.yaml', { once: true });
    expect(counts(opened, 'one.db', 'two.db')).toEqual([2, 2]);
  });

  it('appends the same files once, other files, and the same to a table that was dropped', async () => {
    const opened = openCase('run-key-after-reorder');
    const run = () => opened.run('pipeline-after.yaml', { once: true });
    await run();
    const [target] = (await run()).targets;
    expect(target).toMatchObject({ rows_loaded: 0, already: { rows: 2 } });
    expect(counts(opened, 'one.db')).toEqual([2]);
    writeFileSync(join(opened.dir, 'data/in.csv'), 'id,v\n3,c\n');
    await run();
    expect(counts(opened, 'one.db')).toEqual([3]);
    opened.sql('one.db', 'DROP TABLE t');
    await run();
    expect(counts(opened, 'one.db')).toEqual([1]);
  });

  it('replaces a table each time', async () => {
    const opened = openCase('run-key-after-reorder');
    const run = () =>
      opened.run('pipeline-after.yaml', { once: true, overrides: ['targets.0.mode=replace'] });
    await run();
    opened.sql('one.db', 'DELETE FROM t');
    await run();
    expect(counts(opened, 'one.db')).toEqual([2]);
  });
});
