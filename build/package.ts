/**
 * Makes what is published: the packed program, and the modules that plugins import, with the few dependencies that have
 * native parts or types. Run by `npm run package`; the decision is docs/decisions/0033-what-is-published.md.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import { globSync } from 'tinyglobby';
import ts from 'typescript';
import { PACKAGE_DIR } from '../worker/bundle';
import { NATIVE } from './pack';

/** A folder may be given: tests make a package of their own. */
const OUT = process.argv[2] ?? join(PACKAGE_DIR, 'dist', 'package');

/** Native, or part of the types of plugins. Everything else is in the bundles. */
const DEPENDENCIES = ['@duckdb/node-api', '@duckdb/node-bindings', '@temporalio/core-bridge', 'zod'];
const OPTIONAL = ['better-sqlite3', 'better-sqlite3-13'];

interface Manifest {
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  exports: Record<string, string | { types: string }>;
  [key: string]: unknown;
}

async function makePackage(): Promise<void> {
  const manifest = readJson<Manifest>('package.json');
  rmSync(OUT, { recursive: true, force: true });
  writePublished('package.json', `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`);
  const types = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : entry.types,
  );
  const entries = types.map((path) => path.replace(/\.d\.ts$/, '.js'));
  await bundleEntries(['./dist/client/flexetl.js', ...entries]);
  const program = globSync('dist/program/*', { cwd: PACKAGE_DIR });
  const docs = globSync('docs/**/*.md', {
    cwd: PACKAGE_DIR,
    ignore: ['docs/decisions', 'docs/releasing.md'],
  });
  const others = ['README.md', 'CHANGELOG.md', 'LICENSE', 'dist/workflow-bundle.js'];
  for (const path of [...others, ...program, ...docs, ...declarationsOf(types)])
    cpSync(join(PACKAGE_DIR, path), join(OUT, path));
}

/** Scripts and packages of development are left out: what is published is built already. */
function publishedManifest({ scripts: _, devDependencies: __, private: ___, ...manifest }: Manifest): object {
  const versions = { ...manifest.dependencies, ...manifest.optionalDependencies };
  const pinned = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, versions[name] ?? installedVersion(name)]));
  return {
    ...manifest,
    dependencies: pinned(DEPENDENCIES),
    optionalDependencies: pinned(OPTIONAL),
    files: ['dist', 'docs', 'CHANGELOG.md'],
    allowScripts: undefined,
  };
}

/** Of a package that only others depend on. */
function installedVersion(name: string): string {
  return readJson<{ version: string }>(`node_modules/${name}/package.json`).version;
}

/** Each file by itself, so that loading one of them loads nothing else. @throws Error for a file that would not work */
async function bundleEntries(entries: readonly string[]): Promise<void> {
  const { warnings } = await build({
    entryPoints: [...entries],
    absWorkingDir: PACKAGE_DIR,
    outdir: join(OUT, 'dist'),
    outbase: 'dist',
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // The start file loads the program by its path.
    external: [...NATIVE, ...DEPENDENCIES, './cli.js'],
  });
  if (warnings.length > 0) throw new Error('The package would not work: see the warnings.');
}

/** All declaration files that these need. */
function declarationsOf(entries: readonly string[]): string[] {
  const program = ts.createProgram({
    rootNames: entries.map((path) => join(PACKAGE_DIR, path)),
    options: { module: ts.ModuleKind.Node16, types: [] },
  });
  const paths = program.getSourceFiles().map(({ fileName }) => relative(PACKAGE_DIR, fileName));
  return paths.filter((path) => path.startsWith('dist'));
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(PACKAGE_DIR, path), 'utf8')) as T;
}

function writePublished(path: string, text: string): void {
  mkdirSync(dirname(join(OUT, path)), { recursive: true });
  writeFileSync(join(OUT, path), text);
}

if (require.main === module) void makePackage();
