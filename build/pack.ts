/**
 * Packs what a command loads into one file for each program in dist/program: a thousand small files take half a
 * second to find, read and compile. Run by `npm run build`; the decision is docs/decisions/0011-packed-program.md.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, sep } from 'node:path';
import { Writable } from 'node:stream';
import { isMainThread, Worker } from 'node:worker_threads';
import { build, type Plugin } from 'esbuild';
import type * as Cli from '../client/cli';
import { bytecodeFile, findPacked, loadPacked, PROGRAM_DIR, sealBytecode } from './packed';

const ROOT = join(PROGRAM_DIR, '..', '..');
const MODULES = `node_modules${sep}`;

const CLI = join(ROOT, 'dist/client/cli.js');
/** The SDK starts this file as a thread; workflows run in it. */
const WORKFLOW_THREAD = createRequire(CLI).resolve('@temporalio/worker/lib/workflow/workflow-worker-thread');

/** The programs, and the file that each begins with. */
const PROGRAMS: Record<string, string> = { flexetl: CLI, 'workflow-thread': WORKFLOW_THREAD };

/** Native, or found by a path: they stay what and where they are. */
const EXTERNAL = ['@duckdb/node-bindings', 'better-sqlite3', 'better-sqlite3-13', '@swc/*', '*.node'];

/** The compiler of workflows, which a worker with a prebuilt bundle names and never uses: loaded when it is used. */
const COMPILER = /^(webpack|memfs|unionfs)$/;

async function pack(): Promise<void> {
  rmSync(PROGRAM_DIR, { recursive: true, force: true });
  mkdirSync(PROGRAM_DIR, { recursive: true });
  for (const [name, entry] of Object.entries(PROGRAMS)) {
    const { code, notices } = await bundle(entry);
    const hash = createHash('sha256').update(code).digest('hex').slice(0, 16);
    const file = join(PROGRAM_DIR, `${name}-${hash}.js`);
    writeFileSync(file, code);
    writeFileSync(join(PROGRAM_DIR, `${name}-LEGAL.txt`), notices);
    if (entry !== CLI) writeFileSync(join(PROGRAM_DIR, `${name}.js`), threadStart(file));
    // In a process of its own: this one has loaded other things.
    execFileSync(process.execPath, [__filename, name], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
}

/** A file of a known name, for threads are started by path. */
function threadStart(file: string): string {
  return `require('../build/packed.js').loadPacked(require('node:path').join(__dirname, '${basename(file)}'));\n`;
}

/** @returns the code, and the copyright notices in the comments of what is in it */
async function bundle(entry: string): Promise<{ code: string; notices: string }> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    outfile: join(PROGRAM_DIR, 'program.js'),
    write: false,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    legalComments: 'external',
    external: EXTERNAL,
    plugins: [keepCompilerAside, keepPlaces],
    logLevel: 'error',
  });
  const textOf = (ending: string): string =>
    outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? '';
  return { code: textOf('.js'), notices: textOf('.LEGAL.txt') };
}

const keepCompilerAside: Plugin = {
  name: 'keep-compiler-aside',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: COMPILER }, ({ path, namespace }) =>
      namespace === 'later' ? { path, external: true } : { path, namespace: 'later' },
    );
    onLoad({ filter: /.*/, namespace: 'later' }, ({ path }) => ({
      contents: `module.exports = new Proxy({}, {
        get: (_, name) => (name === '__esModule' ? true : require(${JSON.stringify(path)})[name]),
      });`,
    }));
  },
};

/** A module that asks where it lies, or for a file beside it, is told the place that it has when it is not packed. */
const keepPlaces: Plugin = {
  name: 'keep-places',
  setup({ onLoad }) {
    onLoad({ filter: /\.c?js$/, namespace: 'file' }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (text.search(PLACES) < 0) return undefined;
      const folder = placeOf(dirname(path));
      const places: Record<string, string> = {
        __dirname: folder,
        __filename: `(${folder} + ${JSON.stringify(`/${basename(path)}`)})`,
      };
      const contents = text.replace(
        PLACES,
        (found, file: string) => places[found] ?? resolveCall(path, folder, file),
      );
      return { contents, loader: 'js' };
    });
  },
};

const PATH = `require('node:path')`;

/** Not in comments. */
const PLACES = /(?<!^\s*(?:\*|\/\/).*)(?:\b__dirname\b|\b__filename\b|\brequire\.resolve\('(\.[^']*)'\))/gm;

function resolveCall(path: string, folder: string, file: string): string {
  if (`${join(dirname(path), file)}.js` === WORKFLOW_THREAD)
    return `${PATH}.join(__dirname, 'workflow-thread.js')`;
  return `require.resolve(${folder} + ${JSON.stringify(`/${file}`)})`;
}

/** JavaScript for the folder of a module, seen from the folder of programs or found as Node finds packages. */
function placeOf(folder: string): string {
  if (folder.startsWith(join(ROOT, 'dist', sep)))
    return `${PATH}.join(__dirname, ${JSON.stringify(relative(PROGRAM_DIR, folder))})`;
  const within = folder.lastIndexOf(MODULES);
  const parts = folder.slice(within + MODULES.length).split(sep);
  const name = parts.splice(0, parts[0]?.startsWith('@') ? 2 : 1).join('/');
  const manifest = `${name}/package.json`;
  if (
    createRequire(join(PROGRAM_DIR, 'x.js')).resolve(manifest) !==
    `${folder.slice(0, within)}${MODULES}${manifest}`
  )
    throw new Error(`${folder}: its package is not the ${name} that the program would find.`);
  return `${PATH}.join(require.resolve(${JSON.stringify(manifest)}), ${JSON.stringify(['..', ...parts].join('/'))})`;
}

/** Runs a program, so that the functions which it uses are compiled, and keeps the bytecode. */
async function keepBytecode(name: string): Promise<void> {
  if (PROGRAMS[name] !== CLI && isMainThread) return void new Worker(__filename, { argv: [name] });
  const file = findPacked(name);
  if (file === undefined) throw new Error(`There is no program ${name} in ${PROGRAM_DIR}.`);
  const { exports, script } = loadPacked(file);
  if (isMainThread) await runCommands(exports as typeof Cli);
  writeFileSync(bytecodeFile(file), sealBytecode(script.createCachedData()));
  // The thread would wait for messages.
  process.exit(0);
}

async function runCommands({ main }: typeof Cli): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'flexetl-pack-'));
  try {
    mkdirSync(join(dir, 'configs'));
    writeFileSync(join(dir, 'input.csv'), 'product,price\na,1.50\nb,\na,2.25\n');
    writeFileSync(join(dir, 'configs/sample.yaml'), SAMPLE);
    // No address of a server: the last two load what they need and fail at once.
    const env = { TEMPORAL_ADDRESS: 'http://127.0.0.1:1' };
    const [stdout, stderr] = [createNowhere(), createNowhere()];
    const streams = { stdout, stderr, env, cwd: dir, onInterrupt: () => () => undefined };
    for (const command of ['plan', 'preview', 'run', 'worker']) {
      const exit = await main(command === 'worker' ? [command] : [command, 'sample'], streams);
      if (command.startsWith('p') && exit !== 0)
        throw new Error(`${command} of the sample ended with ${exit}.`);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function createNowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

const SAMPLE = `version: '1.0'
pipeline:
  name: sample
  source: { type: csv, path: input.csv }
  transformations:
    - { type: drop_nulls, columns: [price] }
    - { type: aggregate, group_by: [product], aggregations: { total: sum(price) } }
  targets: [{ type: sqlite, database: output.db, table: result }]
`;

const [, , program] = process.argv;
if (require.main === module) void (program === undefined ? pack() : keepBytecode(program));
