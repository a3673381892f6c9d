/** Incremental reading by file: what a published run has loaded is passed over, whatever happens between two runs. */
import { appendFileSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { targets } from '../../targets/index';
import { sqlite } from '../../targets/sqlite';
import type { OpenTarget, Target } from '../../plugin/target';
import { fakeLines } from '../support/fake-file-target';
import { makeFolder } from '../support/folder';
import { runPipeline, type RunOptions } from '../support/run-case';
import { readTable } from '../support/project';
import { readManifest } from '../../targets/files/manifest';
import { OWN_FOLDER } from '../../targets/files/place';
import { FlexetlError } from '../../pipeline/errors';

const TABLE = 'type: sqlite, database: out.db, table: t, mode: append';

/** A project whose pipeline appends from the folder `in`. */
function openProject(targetLines: readonly string[] = [TABLE], source = 'incremental: { by: file }') {
  const dir = makeFolder();
  const write = (name: string, text: string): void => {
    const file = join(dir, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  const configure = (targetsNow = targetLines, sourceNow = source): void =>
    write(
      'pipeline.yaml',
      `version: '1.0'\npipeline:\n  name: p\n  source: { type: csv, path: in, ${sourceNow} }\n  targets:\n` +
        targetsNow.map((line) => `    - { ${line} }\n`).join(''),
    );
  configure();
  return {
    dir,
    configure,
    /** A file of some ids. */
    put: (name: string, ...ids: number[]) => write(`in/${name}.csv`, ['id', ...ids, ''].join('\n')),
    path: (name: string) => join(dir, 'in', `${name}.csv`),
    run: (options: RunOptions = {}) => runPipeline(dir, 'pipeline.yaml', { once: true, ...options }),
    async refusal(options: RunOptions = {}): Promise<FlexetlError> {
      const found = await runPipeline(dir, 'pipeline.yaml', options).catch((error: unknown) => error);
      if (found instanceof FlexetlError) return found;
      throw found instanceof Error ? found : new Error('There was no refusal.');
    },
    ids: (table = 't', database = 'out.db') =>
      readTable(join(dir, database), table)?.map(([id]) => Number(id)),
  };
}

describe('an incremental source of files', () => {
  it('loads each file of a growing folder once', async () => {
    const { put, run, ids } = openProject();
    put('1', 1, 2);
    put('2', 3);
    expect(await run()).toMatchObject({ output: 3 });
    put('3', 4);
    put('0', 0);
    expect(await run()).toMatchObject({ output: 2 });
    expect(ids()).toEqual([1, 2, 3, 0, 4]);
  });

  it('succeeds with 0 rows where nothing is new, and says which run has loaded the last', async () => {
    const { put, run, ids, path } = openProject();
    put('1', 1);
    await run({ runKey: 'monday' });
    const again = await run({ runKey: 'tuesday' });
    expect(again).toMatchObject({ read: 0, output: 0, targets: [{ status: 'published', rows_loaded: 0 }] });
    expect(again.warnings[0]).toMatch(
      /^Nothing new: 1 file of in is loaded already: 0 rows now\. .* by run monday at 20/,
    );
    rmSync(path('1'));
    expect((await run()).warnings[0]).toMatch(/^Nothing new: 0 files of in/);
    expect(ids()).toEqual([1]);
  });

  it('knows a file that was touched or removed, and one that comes back', async () => {
    const { put, run, ids, path } = openProject();
    put('1', 1);
    put('2', 2);
    await run();
    utimesSync(path('1'), 1, 1);
    renameSync(path('2'), path('2') + '.away');
    put('3', 3);
    await run();
    renameSync(path('2') + '.away', path('2'));
    await run();
    expect(ids()).toEqual([1, 2, 3]);
  });

  it('refuses a file that changed since, naming it and both fingerprints, and loads nothing', async () => {
    const { put, run, refusal, ids, path } = openProject();
    put('1', 1);
    await run();
    appendFileSync(path('1'), '9\n');
    put('2', 2);
    const { code, message } = await refusal();
    expect(code).toBe('SOURCE_CHANGED');
    expect(message).toMatch(
      /^in\/1\.csv has changed .* was 5-\d+-[0-9a-f]{32}, now it is 7-\d+-[0-9a-f]{32}\./,
    );
    expect(ids()).toEqual([1]);
  });

  it('loads a changed file again where that is asked for, and once', async () => {
    const { put, run, ids, path, configure } = openProject();
    put('1', 1);
    put('2', 2);
    await run();
    appendFileSync(path('1'), '9\n');
    configure(undefined, 'incremental: { by: file, on_changed: load }');
    await run();
    await run();
    expect(ids()).toEqual([1, 2, 1, 9]);
  });

  it('keeps what is loaded when the path is another pattern for the same files', async () => {
    const { put, run, ids } = openProject();
    put('1', 1);
    await run();
    put('2', 2);
    await run({ overrides: ['source.path=in/*.csv'] });
    expect(ids()).toEqual([1, 2]);
  });

  it('reads all files again into a table that was dropped or replaced by another pipeline', async () => {
    const { put, run, ids, dir } = openProject();
    put('1', 1);
    await run();
    writeFileSync(join(dir, 'other.yaml'), OTHER);
    await runPipeline(dir, 'other.yaml');
    expect(ids()).toEqual([1]);
    put('2', 2);
    await run();
    expect(ids()).toEqual([1, 1, 2]);
  });

  it.each([
    ['a folder', 'in'],
    ['a pattern', 'in/*.csv'],
  ])('misses %s that is not there, even if its files are loaded', async (_, path) => {
    const { put, run, refusal, dir } = openProject();
    put('1', 1);
    await run();
    rmSync(join(dir, 'in'), { recursive: true });
    expect(await refusal({ overrides: [`source.path=${path}`] })).toMatchObject({ code: 'SOURCE_MISSING' });
  });

  it('refuses a target that would have only the new rows', async () => {
    const { put, refusal } = openProject(['type: sqlite, database: out.db, table: t, mode: replace']);
    put('1', 1);
    expect(await refusal()).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('targets.0 (out.db#t) has mode replace') as string,
    });
  });

  it('does the same into a folder of files', async () => {
    const { put, dir, configure, run } = openProject();
    configure(['type: fake_lines, path: out, mode: append']);
    put('1', 1);
    const plugins = { targets: [...targets, fakeLines] as unknown as Target<unknown>[] };
    await run({ plugins });
    put('2', 2);
    await run({ plugins });
    const { files, states } = await readManifest(join(dir, 'out', OWN_FOLDER));
    expect(files).toHaveLength(2);
    expect((states?.[0]?.state as [string][]).map(([name]) => name)).toEqual(['in/1.csv', 'in/2.csv']);
  });
});

const OTHER = `version: '1.0'
pipeline:
  name: other
  source: { type: csv, path: in/1.csv }
  target: { type: sqlite, database: out.db, table: t }
`;

describe('a run key of an incremental source', () => {
  it('that is published loads nothing, whatever files are new; another key loads them', async () => {
    const { put, run, ids } = openProject();
    put('1', 1);
    await run({ runKey: 'monday', once: false });
    put('2', 2);
    const again = await run({ runKey: 'monday', once: false });
    expect(again.warnings[0]).toMatch(/already loaded by run monday/);
    expect(ids()).toEqual([1]);
    await run({ runKey: 'tuesday', once: false });
    await run({ runKey: 'monday', once: false });
    expect(ids()).toEqual([1, 2]);
  });

  it('does not load a file again that is loaded, with --again neither', async () => {
    const { put, run, ids } = openProject();
    put('1', 1);
    await run();
    await run({ once: false });
    put('2', 2);
    await run({ once: false });
    expect(ids()).toEqual([1, 2]);
  });

  it('that has published something else is refused', async () => {
    const { put, run, refusal } = openProject();
    put('1', 1);
    await run({ runKey: 'monday' });
    put('2', 2);
    const other = { runKey: 'monday', overrides: ['source.null_values=["x"]'] };
    expect(await refusal(other)).toMatchObject({ code: 'KEY_REUSED' });
  });
});

/** SQLite, killed at a publish: what comes after it in the run does not happen. */
function killedAt(moment: 'before' | 'after', table: string): Target<unknown>[] {
  let isAlive = true;
  const open: typeof sqlite.open = (options, context) => {
    const whole = sqlite.open(options, context);
    const publish: OpenTarget['publish'] = async (...args) => {
      const dies = isAlive && options.table === table;
      isAlive &&= !dies;
      if (dies && moment === 'before') throw new Error('killed');
      const published = await whole.publish(...args);
      if (dies) throw new Error('killed');
      return published;
    };
    return { ...whole, publish };
  };
  return [{ ...sqlite, open }] as unknown as Target<unknown>[];
}

describe.each(['before', 'after'] as const)('a run that is killed %s its publish', (moment) => {
  it('loses and doubles nothing, whether it goes on under its key or another run follows', async () => {
    for (const runKey of ['monday', 'tuesday']) {
      const { put, run, ids } = openProject();
      put('1', 1);
      await run({ runKey: 'sunday' });
      put('2', 2);
      const killed = run({ runKey: 'monday', plugins: { targets: killedAt(moment, 't') } });
      await expect(killed).rejects.toThrow('killed');
      expect(ids()).toEqual(moment === 'before' ? [1] : [1, 2]);
      put('3', 3);
      await run({ runKey });
      await run({ runKey: 'wednesday' });
      expect(ids()?.sort()).toEqual([1, 2, 3]);
    }
  });
});

describe('two targets', () => {
  const TWO = [TABLE, TABLE.replace('table: t', 'table: u')];

  it('of which one has failed get the same files: under the key of that run, and only then the next', async () => {
    const { put, run, refusal, ids } = openProject(TWO);
    put('1', 1);
    await run({ runKey: 'sunday' });
    put('2', 2);
    const killed = run({ runKey: 'monday', plugins: { targets: killedAt('before', 'u') } });
    await expect(killed).rejects.toThrow('killed');
    put('3', 3);
    const { code, message, hint } = await refusal({ runKey: 'tuesday' });
    expect(code).toBe('STATES_DIFFER');
    expect(message).toMatch(/out\.db#t has that of run monday.*out\.db#u has that of run sunday/);
    expect(hint).toContain('flexetl retry p --run-key "monday"');
    expect([ids('t'), ids('u')]).toEqual([[1, 2], [1]]);
    await run({ runKey: 'monday' });
    expect([ids('t'), ids('u')]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    await run({ runKey: 'tuesday' });
    expect([ids('t'), ids('u')]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });
});
