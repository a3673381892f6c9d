/** `flexetl init <folder>`: a project of one's own, in which everything works. */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from '../house/repository';
import { closeProjects, openProject, readText, type Project } from '../support/project';
import { runPipeline } from '../support/run-case';

let project: Project;
beforeEach(() => {
  project = openProject();
});
afterEach(closeProjects);

interface Made {
  written: string[];
  kept: string[];
  pipeline: string;
  next: string[];
}

async function init(...argv: string[]): Promise<Made> {
  const { exit, stdout, stderr } = await project.flexetl('init', ...argv, '--json');
  expect([exit, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Made;
}

/** A command in a folder of the test. */
async function inFolder(folder: string, ...argv: string[]) {
  project.cwd = project.path(folder);
  const outcome = await project.flexetl(...argv);
  project.cwd = project.dir;
  return outcome;
}

const files = (dir: string): string[] =>
  (readdirSync(project.path(dir), { recursive: true }) as string[]).filter((path) =>
    statSync(project.path(dir, path)).isFile(),
  );

describe('flexetl init <folder>', () => {
  it('writes a project whose pipeline is valid, passes its tests, and runs', async () => {
    const { written, kept, next } = await init('shop');
    expect(files('shop').sort()).toEqual([...written].sort());
    expect([kept, next]).toEqual([[], ['cd shop', 'npm install', 'npx flexetl run orders']]);
    expect(readText(project.path('shop/flexetl.yaml'))).toMatch(/^project: shop$/m);
    expect(await inFolder('shop', 'validate', '--all')).toEqual({
      exit: 0,
      stdout: '✔ orders is valid\n',
      stderr: '',
    });
    const tested = await inFolder('shop', 'test', '--all');
    expect([tested.exit, tested.stdout]).toEqual([0, expect.stringContaining('2 tests: 2 passed, 0 failed')]);
    await runPipeline(project.path('shop'), 'configs/orders.yaml');
    expect(existsSync(project.path('shop/output/orders.db'))).toBe(true);
  });

  it('pins the version, ignores what a run makes, and has CI check and test the pipelines', async () => {
    await init('Shop of Ann');
    const dir = 'Shop of Ann';
    const { version } = readJson<{ version: string }>('package.json');
    expect(JSON.parse(readText(project.path(dir, 'package.json')))).toMatchObject({
      name: 'shop-of-ann',
      private: true,
      dependencies: { flexetl: version },
    });
    for (const path of ['node_modules/', 'output/', 'logs/', '.flexetl/', '.env'])
      expect(readText(project.path(dir, '.gitignore')).split('\n')).toContain(path);
    const ci = readText(project.path(dir, '.github/workflows/pipelines.yml'));
    for (const command of ['npm ci', 'npx flexetl validate --all', 'npx flexetl test --all'])
      expect(ci).toContain(`- run: ${command}\n`);
    expect(readText(project.path(dir, 'Dockerfile'))).toMatch(/^FROM flexetl:worker\n(.+\n){3}$/);
    expect(readText(project.path(dir, 'configs/pipeline.schema.json'))).toBe(
      readText(join(__dirname, '../../configs/pipeline.schema.json')),
    );
  });

  it('overwrites nothing, and says what is there', async () => {
    project.write('shop/package.json', '{"name": "mine"}');
    expect(await init('shop')).toMatchObject({ kept: ['package.json'] });
    expect(readText(project.path('shop/package.json'))).toBe('{"name": "mine"}');
    project.write('shop/configs/orders.yaml', 'mine');
    const { exit, stdout } = await project.flexetl('init', 'shop');
    expect(exit).toBe(0);
    expect(stdout).toContain('✔ shop is a project already: nothing is written\n');
    expect(stdout).toMatch(/there before, and not changed: package\.json, flexetl\.yaml, /);
    expect(readText(project.path('shop/configs/orders.yaml'))).toBe('mine');
  });

  it('makes the first pipeline of a data file, which goes into the project, and of a target', async () => {
    project.write('in/sales 1.csv', 'id,price\n1,2.50\n2,3.00\n');
    const made = await init('shop', '--from', 'in/sales 1.csv', '--to', 'sqlite:output/all.db');
    expect(made).toMatchObject({
      pipeline: 'sales_1',
      next: expect.arrayContaining(['cd shop']) as string[],
    });
    expect(made.written).toContain('configs/sales_1.yaml');
    expect(existsSync(project.path('shop/configs/orders.yaml'))).toBe(false);
    const config = readText(project.path('shop/configs/sales_1.yaml'));
    expect(config).toContain('path: "data/sales 1.csv"');
    expect(config).toContain('database: output/all.db');
    await runPipeline(project.path('shop'), 'configs/sales_1.yaml');
    expect(existsSync(project.path('shop/output/all.db'))).toBe(true);
    project.write('in/sales 1.csv', 'other\n');
    expect(await project.flexetl('init', 'shop', '--from', 'in/sales 1.csv')).toMatchObject({ exit: 2 });
    expect(readText(project.path('shop/data/sales 1.csv'))).toContain('2.50');
  });

  it.each([
    [['shop', '--from', 'none.csv'], 3, 'SOURCE_MISSING: There is no file none.csv.'],
    [['shop', '--from', 'in'], 2, 'USAGE: in is a folder, expected a data file.'],
    [['shop', '--to', 'oracle'], 2, 'USAGE: There is no target "oracle" for --to.'],
    [['in/a.csv', '--from', 'in/a.csv'], 2, 'USAGE: --from is for a new project'],
  ])('refuses %j', async (argv, exit, message) => {
    project.write('in/a.csv', 'a\n1\n');
    const outcome = await project.flexetl('init', ...argv);
    expect([outcome.exit, outcome.stderr]).toEqual([exit, expect.stringContaining(`error ${message}`)]);
    expect(existsSync(project.path('shop'))).toBe(false);
  });
});

describe('outside a project', () => {
  it.each([['status'], ['history'], ['cancel', 'x'], ['retry'], ['plan', 'x'], ['test'], ['run', 'x']])(
    '%j %s says so, and creates nothing',
    async (...argv) => {
      mkdirSync(project.path('empty'));
      project.env['TEMPORAL_ADDRESS'] = undefined;
      project.env['FLEXETL_LOCAL_PORT'] = undefined;
      const { stderr } = await inFolder('empty', ...argv);
      expect(stderr).toContain(`${project.path('empty')} is no project, and none is above it`);
      expect(files('empty')).toEqual([]);
    },
  );
});
