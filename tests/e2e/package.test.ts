/** What is published: its files, and a project in an empty folder into which it is installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { globSync } from 'tinyglobby';
import { readJson } from '../house/repository';
import type { RunReport } from '../../pipeline/report';
import { makeFolder } from '../support/folder';
import { readTable } from '../support/project';

const ROOT = join(__dirname, '..', '..');
const BINDING = 'node_modules/better-sqlite3/build/Release/better_sqlite3.node';

interface Packed {
  filename: string;
  files: { path: string }[];
}

const folder = makeFolder();
const made = join(folder, 'package');
const shop = join(folder, 'shop');
const { version } = readJson<{ version: string }>('package.json');
const { FLEXETL_TEST_ADDRESS: address, ...inherited } = process.env;
const env = {
  ...inherited,
  TEMPORAL_ADDRESS: address,
  FLEXETL_TASK_QUEUE: `package-${process.pid}`,
  FLEXETL_PROJECT: `package-${process.pid}`,
  // npm keeps its compiled code in the temporary folder from Node 22 on, which a test leaves empty.
  NODE_DISABLE_COMPILE_CACHE: '1',
};

function npm(cwd: string, ...argv: string[]): string {
  return execFileSync('npm', argv, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
}

function pack(to: string): Packed & { bytes: Buffer } {
  mkdirSync(to, { recursive: true });
  const [packed] = JSON.parse(npm(made, 'pack', '--json', '--pack-destination', to)) as Packed[];
  if (!packed) throw new Error('npm has packed nothing.');
  return { ...packed, bytes: readFileSync(join(to, packed.filename)) };
}

/** A command of the installed package, in the project. @returns its exit code and all that it says */
function flexetl(...argv: string[]): { exit: number | null; stdout: string; stderr: string } {
  const bin = join(shop, 'node_modules', '.bin', 'flexetl');
  const { status, stdout, stderr } = spawnSync(bin, argv, { cwd: shop, env, encoding: 'utf8' });
  return { exit: status, stdout, stderr };
}

let packed: ReturnType<typeof pack>;
beforeAll(() => {
  execFileSync(process.execPath, [join(ROOT, 'dist', 'build', 'package.js'), made]);
  packed = pack(folder);
  mkdirSync(shop);
  // Scripts of packages would fetch or compile SQLite for this Node, as `npm ci` has done already.
  const quiet = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  npm(shop, 'install', join(folder, packed.filename), ...quiet);
  if (existsSync(join(ROOT, BINDING))) {
    mkdirSync(join(shop, BINDING, '..'), { recursive: true });
    copyFileSync(join(ROOT, BINDING), join(shop, BINDING));
  }
}, 300_000);

describe('the package', () => {
  it('has what a user needs, and nothing that lies beside it', () => {
    const kinds = [
      /^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
      /^docs\/(targets\/|sources\/|[a-z-]+\/)?[a-z-]+\.md$/,
      /^dist\/(client\/flexetl\.js|workflow-bundle\.js)$/,
      /^dist\/program\/([a-z-]+\.js(\.LEGAL\.txt)?|mappings\.wasm|LICENSES\.txt)$/,
      /^dist\/(plugin\/index|targets\/sql\/plugin-entry|targets\/files\/plugin-entry)\.js$/,
      /^dist\/(plugin|pipeline|runtime|targets)\/[a-z/-]+\.d\.ts$/,
    ];
    const paths = packed.files.map(({ path }) => path);
    expect(paths.filter((path) => !kinds.some((kind) => kind.test(path)))).toEqual([]);
    expect(kinds.filter((kind) => !paths.some((path) => kind.test(path)))).toEqual([]);
    expect(paths).toEqual(expect.arrayContaining(['docs/configuration.md', 'docs/troubleshooting.md']));
    expect(paths.filter((path) => /releasing|decisions/.test(path))).toEqual([]);
  });

  it('is the same file, byte for byte, when it is packed again', () => {
    for (const path of globSync('**/*', { cwd: made })) utimesSync(join(made, path), 1, 1);
    expect(pack(join(folder, 'again')).bytes.equals(packed.bytes)).toBe(true);
  });

  it('brings few packages, of which only that of SQLite may have to be compiled', () => {
    interface Lock {
      packages: Record<string, { hasInstallScript?: boolean; optional?: boolean }>;
    }
    const { packages } = JSON.parse(readFileSync(join(shop, 'package-lock.json'), 'utf8')) as Lock;
    const installed = Object.keys(packages).filter((path) => path !== '' && existsSync(join(shop, path)));
    expect(installed.length).toBeLessThan(95);
    const scripts = installed.filter((path) => packages[path]?.hasInstallScript);
    // That of protobufjs compiles nothing, and may be left out.
    const known = [
      'node_modules/better-sqlite3',
      'node_modules/better-sqlite3-13',
      'node_modules/protobufjs',
    ];
    expect(scripts.filter((path) => !known.includes(path))).toEqual([]);
  });

  it('says which packages are in its bundles, and their licenses', () => {
    const licenses = readFileSync(join(shop, 'node_modules/flexetl/dist/program/LICENSES.txt'), 'utf8');
    for (const name of ['@temporalio/worker', 'commander', 'csv-parse', 'undici', 'yaml'])
      expect(licenses).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(.+\\)\n\n.+`, 'm'));
    expect(licenses).not.toContain('(UNKNOWN)');
  });
});

describe('a project in an empty folder', () => {
  it('is made, checked, tested and run with what npm has installed', () => {
    const init = flexetl('init', '.', '--json');
    expect([init.exit, init.stderr]).toEqual([0, '']);
    expect(JSON.parse(init.stdout)).toMatchObject({ kept: ['package.json'], pipeline: 'orders' });
    expect(flexetl('--version').stdout).toBe(`${version}\n`);
    expect(flexetl('validate', '--all')).toEqual({ exit: 0, stdout: '✔ orders is valid\n', stderr: '' });
    expect(flexetl('test', '--all')).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining('2 tests: 2 passed, 0 failed') as string,
    });
    const run = flexetl('run', 'orders', '--json');
    expect([run.exit, run.stderr]).toEqual([0, expect.not.stringContaining('warning')]);
    const report = JSON.parse(run.stdout) as RunReport;
    expect(report).toMatchObject({ status: 'succeeded', rows: { read: 8, output: 4 } });
    expect(readTable(join(shop, 'output/orders.db'), 'orders')).toEqual([
      ['2026-03-01', 'Harbour', '3', '9.75'],
      ['2026-03-01', 'Station', '3', '10.8'],
      ['2026-03-02', 'Harbour', '4', '13.6'],
      ['2026-03-02', 'Station', '3', '6.35'],
    ]);
    expect(flexetl('status', 'orders').stdout).toContain(report.run_key);
  });

  it('compiles a plugin of its own in TypeScript, and uses it', () => {
    const write = (path: string, text: string): void => writeFileSync(join(shop, path), text);
    write('shout.ts', SHOUT);
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const compilerOptions = { strict: true, target: 'es2022', module: 'node16', types: [] };
    write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['shout.ts'] }));
    const compiled = spawnSync(process.execPath, [tsc], { cwd: shop, encoding: 'utf8' });
    expect([compiled.status, compiled.stdout]).toEqual([0, '']);
    const pipeline = readFileSync(join(shop, 'configs/orders.yaml'), 'utf8')
      .replace('pipeline:\n', 'pipeline:\n  plugins: ["./shout.js"]\n')
      .replace('    - type: drop_nulls\n', '$&    - { type: shout, column: shop }\n')
      .replace('name: orders', 'name: loud');
    write('configs/loud.yaml', pipeline);
    const { exit, stdout, stderr } = flexetl('preview', 'loud', '--json');
    expect([exit, stderr]).toEqual([0, 'From all 8 records of the source.\n']);
    expect(stdout).toContain('"shop": "HARBOUR"');
  });

  it('may be made by npm create', () => {
    cpSync(join(ROOT, 'create'), join(shop, 'node_modules', 'create-flexetl'), { recursive: true });
    const create = join(shop, 'node_modules', 'create-flexetl', 'index.js');
    const said = execFileSync(process.execPath, [create, 'second', '--json'], { cwd: shop, env }).toString();
    expect(JSON.parse(said)).toMatchObject({ project: 'second', kept: [] });
    expect(existsSync(join(shop, 'second', 'flexetl.yaml'))).toBe(true);
  });
});

const SHOUT = `import { defineTransform, z, type Transform } from 'flexetl/plugin';
import { ident, sqlTarget, type SqlDialect, type TableOptions } from 'flexetl/plugin/sql';
import { fileTarget, type FileEncoder, type FileOptions } from 'flexetl/plugin/files';

export const unused: [typeof sqlTarget, typeof fileTarget, SqlDialect<TableOptions>?, FileEncoder<FileOptions>?] = [sqlTarget, fileTarget];

export const shout = defineTransform({
  type: 'shout',
  description: 'Writes a column in capitals.',
  options: z.strictObject({ column: z.string().describe('A column of texts.') }),
  plan: ({ column }, schema) => ({
    schema,
    scope: 'row' as const,
    columnsRead: (outputs) => outputs,
    select: (input, columns) =>
      columns.has(column)
        ? \`SELECT * REPLACE (upper(\${ident(column)}) AS \${ident(column)}) FROM \${input}\`
        : \`SELECT * FROM \${input}\`,
  }),
});
const typed: Transform<{ column: string }> = shout;
export const described: string = typed.description;
`;
