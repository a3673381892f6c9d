import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openProject, type Project } from '../../runtime/project';
import { readSettings } from '../../runtime/settings';
import { makeFolder } from '../support/folder';

const open = (dir: string, env: Record<string, string> = {}, use = {}): Promise<Project> =>
  openProject(readSettings(env, dir), { works: true, ownServer: false, ...use });

function folder(text?: string): string {
  const dir = join(makeFolder(), 'shop a');
  mkdirSync(dir);
  if (text !== undefined) writeFileSync(join(dir, 'flexetl.yaml'), text);
  return dir;
}

describe('the name of a project', () => {
  it('is that of flexetl.yaml, or of FLEXETL_PROJECT, which comes first', async () => {
    const dir = folder('# our shop\nproject: shop\n');
    expect(await open(dir)).toMatchObject({ name: 'shop', taskQueue: 'flexetl-shop' });
    expect(await open(dir, { FLEXETL_PROJECT: 'other' })).toMatchObject({ name: 'other' });
    expect(existsSync(join(dir, '.flexetl', 'id'))).toBe(false);
  });

  it('is made up once without them: the folder and a random number, whatever the folder is called later', async () => {
    const dir = folder();
    const { name, taskQueue } = await open(dir);
    expect(name).toMatch(/^shop-a-[0-9a-f]{8}$/);
    expect(taskQueue).toBe(`flexetl-${name}`);
    renameSync(dir, `${dir} moved`);
    expect((await open(`${dir} moved`)).name).toBe(name);
    expect((await open(folder())).name).not.toBe(name);
  });

  it('is the same for commands that make it up at the same time', async () => {
    const dir = folder();
    const names = await Promise.all(Array.from({ length: 20 }, async () => (await open(dir)).name));
    expect(new Set(names).size).toBe(1);
    expect(readFileSync(join(dir, '.flexetl', 'id'), 'utf8')).toBe(`${names[0]}\n`);
  });

  it.each([
    ['project: a/b\n', 'flexetl.yaml:1:10 project: found "a/b", expected letters, digits'],
    ['projekt: shop\n', 'flexetl.yaml:1:1 projekt: unknown key. Did you mean "project"?'],
    ['project: [\n', 'flexetl.yaml:2:1 '],
    ['', 'flexetl.yaml:1:1 project: missing'],
  ])('is refused with its place: %j', async (text, message) => {
    await expect(open(folder(text))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(message) as string,
    });
  });

  it('is no path', async () => {
    await expect(open(folder(), { FLEXETL_PROJECT: '/srv/etl' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message:
        'FLEXETL_PROJECT is "/srv/etl", expected letters, digits, "_", "." and "-", at most 64, the first a letter or digit.',
    });
  });

  it('leaves a task queue that was named on purpose as it is', async () => {
    expect(await open(folder('project: shop'), { FLEXETL_TASK_QUEUE: 'large' })).toMatchObject({
      taskQueue: 'large',
    });
  });

  it('cannot be read from a damaged file, and is not replaced', async () => {
    const dir = folder();
    mkdirSync(join(dir, '.flexetl'));
    writeFileSync(join(dir, '.flexetl', 'id'), '');
    await expect(open(dir)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('.flexetl/id holds no id') as string,
    });
  });
});

describe('the staging store', () => {
  const NAMED = { FLEXETL_PROJECT: 'shop' };

  it('has an id, made once, which all who share the folder see', async () => {
    const shared = { ...NAMED, FLEXETL_STAGING_DIR: makeFolder() };
    const stores = await Promise.all(
      Array.from({ length: 20 }, async () => (await open(folder(), shared)).staging),
    );
    expect(new Set(stores).size).toBe(1);
    expect((await open(folder(), { ...NAMED, FLEXETL_STAGING_DIR: makeFolder() })).staging).not.toBe(
      stores[0],
    );
  });

  it('is another one in every checkout of a project', async () => {
    const [one, other] = [await open(folder(), NAMED), await open(folder(), NAMED)];
    expect(one.name).toBe(other.name);
    expect(one.staging).not.toBe(other.staging);
  });

  it('is another one in a copy of the folder, and the same after a move', async () => {
    const dir = folder();
    const { name, staging } = await open(dir);
    cpSync(dir, `${dir} copy`, { recursive: true });
    expect(await open(`${dir} copy`)).toMatchObject({ name, staging: expect.not.stringMatching(staging!) });
    renameSync(dir, `${dir} moved`);
    expect((await open(`${dir} moved`)).staging).toBe(staging);
  });

  it('is the same in a copy for the project’s own server, whose runs are copied with it', async () => {
    const dir = folder();
    const { staging } = await open(dir, {}, { ownServer: true });
    cpSync(dir, `${dir} copy`, { recursive: true });
    expect((await open(`${dir} copy`, {}, { ownServer: true })).staging).toBe(staging);
  });

  it('need not be seen by a process that has no worker, which makes none', async () => {
    const staging = makeFolder();
    const env = { ...NAMED, FLEXETL_STAGING_DIR: staging };
    expect((await open(folder(), env, { works: false })).staging).toBeUndefined();
    expect(existsSync(join(staging, 'id'))).toBe(false);
    const made = (await open(folder(), env)).staging;
    expect((await open(folder(), env, { works: false })).staging).toBe(made);
    rmSync(staging, { recursive: true });
    expect((await open(folder(), env, { works: false })).staging).toBeUndefined();
  });
});
