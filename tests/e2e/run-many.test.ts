/** Several pipelines of a project: in folders, all of them, or those with a tag. */
import { closeProjects, openProject, type Project } from '../support/project';

let project: Project;

beforeAll(() => {
  project = openProject();
  project.write('data/input.csv', 'a\n1\n');
  const add = (path: string, table: string, more = '', input = 'input'): void => {
    const target = `{type: sqlite, database: output/out.db, table: ${table}}`;
    project.write(
      `configs/${path}.yaml`,
      `version: "1.0"\nsource: {type: csv, path: data/${input}.csv}\ntarget: ${target}\n${more}`,
    );
  };
  add('first', 'one', 'tags: [nightly]\nowner: sales@example.com\n');
  add('finance/ledger', 'two', 'tags: [nightly, money]\n');
  add('late', 'three', '', 'none');
  project.write('configs/broken.yaml', 'version: "2"\n');
});
afterAll(closeProjects);

interface Result {
  pipeline: string;
  status?: string;
  error?: { code: string };
}

async function run(...argv: string[]): Promise<{ exit: number | null; results: string[] }> {
  const { exit, stdout } = await project.flexetl('run', ...argv, '--json');
  const results = JSON.parse(stdout) as Result[];
  return { exit, results: results.map((one) => `${one.pipeline} ${one.error?.code ?? one.status}`) };
}

describe('run', () => {
  it('runs those that are named, by name or by file', async () => {
    expect(await run('first', 'configs/finance/ledger.yaml', 'finance/ledger')).toEqual({
      exit: 0,
      results: ['first succeeded', 'finance/ledger succeeded'],
    });
    expect(project.rows('two')).toEqual([['1']]);
  });

  it('runs all, also after one that fails, and ends with the highest exit code', async () => {
    expect(await run('--all')).toEqual({
      exit: 3,
      results: [
        'broken CONFIG_INVALID',
        'finance/ledger succeeded',
        'first succeeded',
        'late SOURCE_MISSING',
      ],
    });
    const { stdout } = await project.flexetl('run', 'late', 'first');
    expect(stdout).toContain('\n1 of 2 pipelines done; failed: late\n');
  });

  it('runs those with a tag, and shows files that are invalid: they may have it', async () => {
    expect((await run('--select', 'tag:money')).results).toEqual([
      'broken CONFIG_INVALID',
      'finance/ledger succeeded',
    ]);
    const { exit, stderr } = await project.flexetl('run', '--select', 'tag:nigthly');
    expect([exit, stderr]).toEqual([
      2,
      'error USAGE: No pipeline has the tag "nigthly".\nDid you mean tag:nightly?\n',
    ]);
  });
});

describe('an environment', () => {
  it('is what a run is started with, and its values are in the target of that environment only', async () => {
    project.write('configs/defaults.yaml', 'environments: {prod: {}}\n');
    project.write(
      'configs/staged.yaml',
      'version: "1.0"\nsource: {type: csv, path: data/input.csv}\n' +
        'target: {type: sqlite, database: output/out.db, table: of_dev}\n' +
        'environments: {prod: {target: {table: of_prod}}}\n',
    );
    expect(await run('staged', 'first', '--env', 'prod')).toEqual({
      exit: 0,
      results: ['staged succeeded', 'first succeeded'],
    });
    expect([project.rows('of_prod'), project.rows('of_dev')]).toEqual([[['1']], undefined]);
    project.env['FLEXETL_ENV'] = 'prod';
    const { stdout } = await project.flexetl('plan', 'staged');
    project.env['FLEXETL_ENV'] = undefined;
    expect(stdout).toContain('\nenvironment prod\n');
    expect(stdout).toMatch(
      / targets\.0\.table +configs\/staged\.yaml:4:39 environments\.prod\.target\.table\n/,
    );
    expect(await project.flexetl('validate', '--all', '--env', 'none')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('--env none: unknown environment, expected one of prod.') as string,
    });
  });
});
