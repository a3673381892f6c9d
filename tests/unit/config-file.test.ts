import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import { parsePipelineText } from '../../pipeline/config/parse';
import { addressOf, listPipelines, readPipelineFile, type PipelineAddress } from '../../runtime/config-file';
import { FAKE_PLUGINS as plugins } from '../support/fake-plugins';
import { makeFolder } from '../support/folder';

const projectDir = makeFolder();
const TEXT =
  'version: "1.0"\nsource: {type: csv, path: a}\ntarget: {type: sqlite, database: a.db, table: t}\n';

beforeAll(() => {
  mkdirSync(join(projectDir, 'configs'));
  const write = (name: string, text: string | Buffer): void => writeFileSync(join(projectDir, name), text);
  mkdirSync(join(projectDir, 'configs', 'finance'));
  mkdirSync(join(projectDir, 'configs', '.hidden'));
  write('configs/sales.yaml', TEXT);
  write('configs/finance/ledger.yaml', TEXT);
  write('configs/.hidden/sales.yaml', TEXT);
  write('configs/stock.yml', TEXT);
  write('configs/renamed.yaml', `${TEXT}name: other\n`);
  write('configs/twice.yaml', TEXT);
  write('configs/twice.yml', TEXT);
  write('configs/pipeline.schema.json', '{}');
  write('secret.yaml', TEXT);
  write('large.yaml', `#${'x'.repeat(1024 * 1024)}`);
  write('latin1.yaml', Buffer.from([0x61, 0xe9]));
});

const read = async (address: PipelineAddress, overrides: string[] = []) =>
  parsePipelineText({ ...(await readPipelineFile(address, projectDir)), env: {}, plugins, overrides });

async function failure(address: PipelineAddress): Promise<FlexetlError> {
  const error: unknown = await read(address).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FlexetlError);
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  return error as FlexetlError;
}

describe('a pipeline', () => {
  it('is found by name in configs/, with either extension', async () => {
    expect((await read({ name: 'sales' })).name).toBe('sales');
    expect((await read({ name: 'stock' })).name).toBe('stock');
    expect(await listPipelines(projectDir)).toEqual(['finance/ledger', 'renamed', 'sales', 'stock', 'twice']);
  });

  it('is found by path anywhere, under any name', async () => {
    expect((await read({ path: 'configs/renamed.yaml' })).name).toBe('other');
    expect(
      (await read({ path: join(projectDir, 'secret.yaml') }, ['source.path=b'])).source.options,
    ).toMatchObject({ path: 'b' });
  });

  it('in a folder of configs/ has the path as its name', async () => {
    expect((await read({ name: 'finance/ledger' })).name).toBe('finance/ledger');
    expect((await failure({ name: 'ledger' })).hint).toBe('Did you mean "finance/ledger"?');
  });

  it('is found by its file, from any folder', () => {
    const address = (argument: string, cwd = projectDir) => addressOf(argument, projectDir, cwd);
    expect(address('sales')).toEqual({ name: 'sales' });
    expect(address('configs/sales.yaml')).toEqual({ name: 'sales' });
    expect(address('ledger.yaml', join(projectDir, 'configs', 'finance'))).toEqual({
      name: 'finance/ledger',
    });
    expect(address('secret.yaml')).toEqual({ path: join(projectDir, 'secret.yaml') });
    expect(address('configs/.hidden/sales.yaml')).toEqual({
      path: join(projectDir, 'configs/.hidden/sales.yaml'),
    });
  });

  it('that is not there is answered with those that are', async () => {
    const error = await failure({ name: 'sale' });
    expect(error.message).toBe(
      'There is no pipeline "sale" in configs/; its pipelines are finance/ledger, renamed, sales, stock, twice.',
    );
    expect(error.hint).toBe('Did you mean "sales"?');
    expect((await failure({ path: 'none.yaml' })).message).toBe('none.yaml: the file does not exist.');
  });

  it('cannot be named out of configs/', async () => {
    expect((await failure({ name: '../secret' })).message).toContain('There is no pipeline "../secret"');
  });

  it('called otherwise than its file, or there twice, is refused by name', async () => {
    expect((await failure({ name: 'renamed' })).message).toBe(
      'configs/renamed.yaml:4:7 name: found "other", expected "renamed": a pipeline in configs/ has the name of its file.',
    );
    expect((await failure({ name: 'twice' })).message).toContain('configs/twice.yaml and configs/twice.yml');
  });

  it('that is a folder, too large or not UTF-8 is refused', async () => {
    expect((await failure({ path: 'configs' })).message).toBe('configs: is not a file.');
    expect((await failure({ path: 'large.yaml' })).message).toBe(
      'large.yaml: has 1048577 bytes, expected at most 1048576.',
    );
    expect((await failure({ path: 'latin1.yaml' })).message).toBe('latin1.yaml: is not UTF-8 text.');
  });

  it('in a project without configs/ is answered with what to do', async () => {
    const error = readPipelineFile({ name: 'sales' }, '/nonexistent');
    await expect(error).rejects.toMatchObject({
      message: 'There is no pipeline "sales" in configs/; configs/ has no pipelines yet.',
      hint: expect.stringContaining(
        '/nonexistent is no project, and none is above it: write configs/',
      ) as string,
    });
  });
});
