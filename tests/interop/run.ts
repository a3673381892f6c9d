/**
 * `npm run test:interop`: the truth table through every source and target, read back by Python's own readers, beside
 * the same table through pandas and bare DuckDB. Writes docs/truth-table.md; the last line is the sum.
 *
 * The tables are loaded by `flexetl run` in a scratch project, one pipeline for each source with all targets.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { makePython } from '../../bench/python';
import { PLUGINS } from '../../worker/plugins';
import { makeFolder, removeFolders } from '../support/folder';
import { startPostgresql } from '../support/postgresql';
import { NULL_TEXT, TRUTH, truthObjects } from '../support/truth';
import {
  servePages,
  TRUTH_DATABASE,
  TRUTH_SOURCES,
  TRUTH_TARGETS,
  truthPipeline,
  writeTruthFiles,
  type TruthWorld,
} from '../support/truth-project';
import { compare, type Answer, type Cell } from './compare';
import { sumOf, sumLine, writePage } from './page';

const ROOT = join(__dirname, '..', '..');
const REQUIREMENTS = join(__dirname, 'requirements.txt');
const CLI = join(ROOT, 'dist', 'client', 'flexetl.js');
const SYSTEMS = ['flexetl', 'pandas', 'duckdb'] as const;

interface Way {
  system: (typeof SYSTEMS)[number];
  source: string;
  target: string;
}

export interface Result extends Way {
  cells: readonly Cell[];
}

async function main(): Promise<number> {
  const python = await makePython(join(ROOT, '.cache', 'interop'), REQUIREMENTS, say);
  const dir = mkdtempSync(join(tmpdir(), 'flexetl-interop-'));
  const { url, server } = await servePages();
  const database = await startPostgresql(makeFolder());
  // The database does not keep this process alive while its end is waited for.
  const alive = setInterval(() => undefined, 1000);
  // For the commands and for Python.
  process.env[TRUTH_DATABASE] = database.url;
  try {
    const results = await measure({ dir, url }, python);
    const versions = readFileSync(REQUIREMENTS, 'utf8').trim().split('\n').join(', ').replaceAll('==', ' ');
    await writePage(join(ROOT, 'docs', 'truth-table.md'), results, versions);
    return summarize(results);
  } finally {
    server.close();
    await database.end();
    removeFolders();
    clearInterval(alive);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(world: TruthWorld, python: string): Promise<Result[]> {
  writeTruthFiles(world.dir);
  const sources = PLUGINS.sources.map(({ type }) => type).filter((type) => type in TRUTH_SOURCES);
  const targets = PLUGINS.targets.map(({ type }) => type).filter((type) => type in TRUTH_TARGETS);
  mkdirSync(join(world.dir, 'configs'));
  for (const source of sources) {
    const pipeline = truthPipeline(world, source, source, targets);
    writeFileSync(join(world.dir, 'configs', `${source}.yaml`), stringify(pipeline));
    say(`flexetl run ${source}`);
    await execute(process.execPath, [CLI, 'run', source], world.dir);
  }
  const ways = SYSTEMS.flatMap((system) =>
    sources.flatMap((source) => targets.map((target): Way => ({ system, source, target }))),
  );
  say(`Python reads ${ways.length} tables.`);
  const tasks = ways.map((way) => ({
    ...way,
    from: sourcePlace(world, way.source),
    where: targetPlace(world, way),
  }));
  const answers = JSON.parse(
    await execute(python, [join(__dirname, 'main.py')], world.dir, JSON.stringify(tasks)),
  ) as Answer[];
  return ways.map((way, index) => {
    const answer = answers[index] ?? { error: 'no answer' };
    return { ...way, cells: compare(way.target, answer, way.system !== 'flexetl') };
  });
}

/** Where Python finds a source. */
function sourcePlace({ dir, url }: TruthWorld, source: string): object {
  const extension = source === 'json' ? 'ndjson' : source;
  const columns = source === 'json' && { columns: writeColumns(dir) };
  return {
    path: join(dir, 'data', `truth.${extension}`),
    url,
    copy: join(dir, 'data', 'api.json'),
    null: NULL_TEXT,
    ...columns,
  };
}

/** A file of JSON lines for each column. @returns their paths by column */
function writeColumns(dir: string): Record<string, string> {
  const paths = TRUTH.map(({ name }, index): [string, string] => {
    const path = join(dir, 'data', `column-${index}.ndjson`);
    writeFileSync(path, `${truthObjects(name).join('\n')}\n`);
    return [name, path];
  });
  return Object.fromEntries(paths);
}

/** Where Python finds the table in a target, or puts its own. */
function targetPlace({ dir }: TruthWorld, { system, source, target }: Way): object {
  const folder = system === 'flexetl' ? join(dir, 'output') : join(dir, system);
  const options = TRUTH_TARGETS[target]?.(source) as Record<string, string>;
  const under = (path: string | undefined) => path && join(folder, path.replace(/^output\//, ''));
  return {
    ...options,
    database: under(options['database']),
    path: under(options['path']),
    connection: process.env[TRUTH_DATABASE],
    null: NULL_TEXT,
  };
}

/** @returns what it writes to stdout; throws with what it said when it fails */
async function execute(file: string, args: string[], cwd: string, input = ''): Promise<string> {
  const child = spawn(file, args, { cwd, env: { ...process.env, FLEXETL_LOCAL_PORT: '1' } });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.end(input);
  const [exit] = (await once(child, 'close')) as [number | null];
  if (exit === 0) return Buffer.concat(stdout).toString();
  throw new Error(
    `${[file, ...args].join(' ')} ended with ${exit}:\n${Buffer.concat([...stdout, ...stderr]).toString()}`,
  );
}

function summarize(results: readonly Result[]): number {
  for (const { source, target, cells } of results.filter(({ system }) => system === 'flexetl')) {
    const bad = cells.flatMap((cell, index) =>
      cell.altered === 0 ? [] : [{ column: TRUTH[index]?.name, ...cell }],
    );
    say(`${source} → ${target}: ${bad.length === 0 ? 'as it was' : JSON.stringify(bad, null, 2)}`);
  }
  for (const system of ['pandas', 'duckdb'])
    say(`${system}: ${sumLine(results.filter((result) => result.system === system))}`);
  const { values, altered } = sumOf(results.filter(({ system }) => system === 'flexetl'));
  say(`${values} values, ${altered} altered`);
  return altered === 0 ? 0 : 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  },
);
