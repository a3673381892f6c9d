import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { extractName, extractPrefix } from '../../runtime/staging/parts';
import { createLocalStore, safeName } from '../../runtime/staging/local';
import type { RunStaging } from '../../runtime/staging/store';
import { INTEGER, STRING } from '../../pipeline/types';
import { makeFolder } from '../support/folder';

const run = { project: 'shop', pipeline: 'sales', runKey: 'k 1' };

async function openRun(dir = makeFolder()): Promise<{ dir: string; staging: RunStaging }> {
  return { dir, staging: await createLocalStore(dir).openRun(run) };
}

describe('the staging of a run', () => {
  it('has a part when its receipt is there, and not before', async () => {
    const { staging } = await openRun();
    expect(await staging.fetch('extract/00000-a')).toBeUndefined();
    await staging.withScratch(async (scratchDir) => {
      const file = join(scratchDir, 'part');
      writeFileSync(file, 'rows');
      await staging.commit('extract/00000-a', { rows: 3 }, file);
      expect(existsSync(file)).toBe(false);
    });
    const part = await staging.fetch<{ rows: number }>('extract/00000-a');
    expect(part?.receipt).toEqual({ rows: 3 });
    expect(statSync(part?.path ?? '').size).toBe(4);
  });

  it('is the same for every worker and attempt', async () => {
    const { dir, staging } = await openRun();
    await staging.commit('plan', { digest: 'd' });
    const { staging: other } = await openRun(dir);
    expect(await other.fetch('plan')).toEqual({ receipt: { digest: 'd' }, path: null });
  });

  it('lists parts by prefix, in order, and removes just those', async () => {
    const { staging } = await openRun();
    for (const name of ['plan', 'extract/00001-b', 'extract/00001-a', 'extract/00010-a', 'landed/00001'])
      await staging.commit(name, {});
    expect(await staging.list('extract/00001')).toEqual(['extract/00001-a', 'extract/00001-b']);
    expect(await staging.list('nothing/')).toEqual([]);
    await staging.remove('extract/00001-');
    expect(await staging.list('')).toEqual(['extract/00010-a', 'landed/00001', 'plan']);
  });

  it('loses with all the rest what killed attempts have left, but not the scratch of the attempt that removes it', async () => {
    const { staging } = await openRun();
    await staging.withScratch(async (scratchDir) => {
      for (const left of ['scratch/killed', 'spill-1', 'shared/slices'])
        mkdirSync(join(staging.localDir, left), { recursive: true });
      await staging.commit('plan', {});
      await staging.remove('');
      expect(readdirSync(staging.localDir, { recursive: true })).toEqual([
        'scratch',
        relative(staging.localDir, scratchDir),
      ]);
    });
    expect(existsSync(staging.localDir)).toBe(false);
  });

  it('leaves nothing behind when all of it is removed, nor a scratch folder when work fails', async () => {
    const { dir, staging } = await openRun();
    await staging.shared.make('source/file-0.csv', (path) => Promise.resolve(writeFileSync(path, 'x')));
    await expect(staging.withScratch(() => Promise.reject(new Error('killed')))).rejects.toThrow('killed');
    await staging.remove('');
    expect(readdirSync(join(dir, 'shop'))).toEqual([]);
    await staging.remove('');
  });

  it('says of a receipt that is cut short that the staging is damaged', async () => {
    const { dir, staging } = await openRun();
    await staging.commit('plan', { digest: 'd' });
    writeFileSync(join(dir, 'shop', 'sales', safeName('k 1'), 'parts', 'plan.json'), '{"digest": "');
    await expect(staging.fetch('plan')).rejects.toMatchObject({ code: 'STAGING_DAMAGED' });
  });
});

describe('files that attempts share', () => {
  it('are made once and appear whole', async () => {
    const { shared } = (await openRun()).staging;
    let times = 0;
    const write = (path: string): Promise<void> => {
      times += 1;
      writeFileSync(path, 'text');
      return Promise.resolve();
    };
    const path = await shared.make('slices/0.csv', write);
    expect(await shared.make('slices/0.csv', write)).toBe(path);
    expect(times).toBe(1);
    expect(await shared.list('slices/')).toEqual(['slices/0.csv']);
    await shared.remove('slices/0.csv');
    expect(await shared.find('slices/0.csv')).toBeUndefined();
  });

  it('are not there when writing them failed', async () => {
    const { shared } = (await openRun()).staging;
    const failing = (path: string): Promise<void> => {
      writeFileSync(path, 'half');
      return Promise.reject(new Error('disk full'));
    };
    await expect(shared.make('a', failing)).rejects.toThrow('disk full');
    expect(await shared.list('')).toEqual([]);
  });
});

describe('names of parts', () => {
  it('tell types apart, so that a part of older types is never taken for one of newer', () => {
    const narrow = extractName(7, [{ name: 'a', type: INTEGER }]);
    const wide = extractName(7, [{ name: 'a', type: STRING }]);
    expect(narrow).not.toBe(wide);
    for (const name of [narrow, wide]) expect(name.startsWith(extractPrefix(7))).toBe(true);
  });
});

it('says which disk is full', async () => {
  const { staging } = await openRun();
  const making = staging.shared.make('pages/1.ndjson', () => writeFile('/dev/full', 'x'));
  await expect(making).rejects.toMatchObject({
    code: 'DISK_FULL',
    message: 'The disk of the staging folder is full.',
  });
});
