/**
 * Runs the sales job side by side: FlexETL, a bare DuckDB script, and what else people use for it.
 *
 *     npm run bench -- --rows 10000000,10000 --repeat 3
 *     npm run bench -- --format ndjson --rows 10000000 --repeat 3
 *
 * Every table is read back and compared with the exact totals of its input. docs/benchmarks.md explains the result.
 */
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkTable } from './check-table';
import { COMPETITOR_NAMES, listCompetitors, type Competitor } from './competitors';
import { generateSales, SALES_DEFAULTS, type SalesTotals } from './generate';
import { preparePython } from './python';
import { formatTable, judge, SMALL_ROWS, summarize, type Run } from './results';

/** One group for some 14 rows at every size, so that the cost of a row is comparable between sizes. */
const GROUPS_PER_ROW = 0.073;
const WARMUP_ROWS = 1000;

/** What the input can be; the peers read CSV only. */
const FORMATS = ['csv', 'ndjson'];

interface Settings {
  rows: number[];
  format: string;
  /** Names of competitors, or what they start with; empty: all. */
  only: string[];
  repeat: number;
  jsonPath: string;
}

async function main(): Promise<void> {
  const rootDir = findRoot(__dirname);
  const benchDir = join(rootDir, 'bench');
  const settings = parseSettings(join(benchDir, 'results'));
  const isPeer = (name: string): boolean => !/^(flexetl|bare)/.test(name);
  const wanted = (name: string): boolean =>
    (settings.only.length === 0 || settings.only.some((start) => name.startsWith(start))) &&
    (settings.format === 'csv' || !isPeer(name));
  const needsPython = COMPETITOR_NAMES.filter(isPeer).some(wanted);
  const python = needsPython ? await preparePython(benchDir, log) : null;
  const competitors = (await listCompetitors({ rootDir, python, log })).filter(({ name }) => wanted(name));

  try {
    await report(await runAll(competitors, join(benchDir, 'data'), settings), settings);
  } finally {
    for (const { close } of competitors) await close?.();
  }
}

async function runAll(
  competitors: readonly Competitor[],
  dataDir: string,
  settings: Settings,
): Promise<Run[]> {
  log('Warming up: programs and libraries come from the disk once, not in the first measured run.');
  const warmup = await prepareInput(dataDir, WARMUP_ROWS, settings.format);
  for (const competitor of competitors) await runOnce(competitor, warmup);

  const runs: Run[] = [];
  for (const rows of settings.rows) {
    const input = await prepareInput(dataDir, rows, settings.format);
    for (let pass = 0; pass < settings.repeat; pass++) {
      // Every other pass runs backwards, so that nobody always comes first or after the same one.
      for (const competitor of pass % 2 === 0 ? competitors : competitors.toReversed()) {
        log(`${competitor.title}, ${rows.toLocaleString('en')} rows, pass ${pass + 1} of ${settings.repeat}`);
        const run = await runOnce(competitor, input);
        log(`  ${(run.wallMs / 1000).toFixed(2)} s, ${Math.round(run.peakRssMb)} MB`);
        runs.push(run);
      }
    }
  }
  return runs;
}

interface Input {
  inputPath: string;
  totals: SalesTotals;
}

/** Made once and kept; read once before it is used, so that nobody pays for reading it from the disk. */
async function prepareInput(dir: string, rows: number, format: string): Promise<Input> {
  const inputPath = join(dir, `sales-${rows}.${format}`);
  if (!existsSync(`${inputPath}.json`)) {
    log(`Generating ${inputPath}`);
    await generateSales(inputPath, { ...SALES_DEFAULTS, rows, groups: Math.ceil(rows * GROUPS_PER_ROW) });
  }
  const reading = createReadStream(inputPath).resume();
  await once(reading, 'end');
  return { inputPath, totals: JSON.parse(await readFile(`${inputPath}.json`, 'utf8')) as SalesTotals };
}

async function runOnce({ name, title, run }: Competitor, { inputPath, totals }: Input): Promise<Run> {
  const workDir = await mkdtemp(join(dirname(inputPath), `${name}-`));
  try {
    const databasePath = join(workDir, 'sales.db');
    const { exitCode, stdout, stderr, ...usage } = await run({ inputPath, databasePath, workDir });
    const failed = exitCode !== 0 || !existsSync(databasePath);
    const failure = `exit code ${exitCode}\n${stderr.trim().split('\n').slice(-20).join('\n')}`;
    if (failed) log(failure);
    return {
      name,
      title,
      rows: totals.rows.read,
      ...usage,
      check: failed ? null : checkTable(databasePath, totals),
      failure: failed ? failure : null,
      detail: parseOrNull(stdout),
    };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function report(runs: readonly Run[], settings: Settings): Promise<void> {
  const results = summarize(runs);
  const figures = judge(results);
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    node: process.version,
  };
  await mkdir(dirname(settings.jsonPath), { recursive: true });
  const text = JSON.stringify({ at: new Date().toISOString(), machine, results, figures, runs }, null, 2);
  await writeFile(settings.jsonPath, `${text}\n`);
  print(`${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, Node ${machine.node}\n`);
  print(formatTable(results));
  if (figures.length > 0) print('');
  for (const { promise, found, reached } of figures)
    print(`${reached ? 'reached' : 'MISSED '}  ${promise}: ${found}`);
  print(`\n${settings.jsonPath}`);
  // A slow machine is not an error; a wrong table is.
  if (runs.some(({ name, check }) => name.startsWith('flexetl') && check?.status !== 'exact'))
    process.exitCode = 1;
}

function parseSettings(resultsDir: string): Settings {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '10000000,10000' },
      format: { type: 'string', default: 'csv' },
      series: { type: 'string' },
      only: { type: 'string', default: '' },
      repeat: { type: 'string', default: '1' },
      json: { type: 'string' },
    },
  });
  const only = values.only.split(',').filter(Boolean);
  const unknown = only.find((start) => !COMPETITOR_NAMES.some((name) => name.startsWith(start)));
  if (unknown !== undefined) {
    throw new Error(`--only ${unknown}: expected some of ${COMPETITOR_NAMES.join(', ')}, or how they start`);
  }
  if (!FORMATS.includes(values.format))
    throw new Error(`--format ${values.format}: expected one of ${FORMATS.join(', ')}`);
  const rows = (values.series ?? values.rows).split(',').map((text) => parseCount('rows', text));
  // The start-up alone, which a series is judged with and without.
  if (values.series !== undefined && !rows.includes(SMALL_ROWS)) rows.unshift(SMALL_ROWS);
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  return {
    rows,
    format: values.format,
    only,
    repeat: parseCount('repeat', values.repeat),
    jsonPath: values.json ?? join(resultsDir, `${stamp}.json`),
  };
}

function parseCount(option: string, text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new Error(`--${option}: expected a whole number from 1, found "${text}"`);
  }
  return count;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The folder of package.json: this file runs from dist/bench. */
function findRoot(dir: string): string {
  if (existsSync(join(dir, 'package.json'))) return dir;
  if (dirname(dir) === dir) throw new Error('bench: no package.json above this file');
  return findRoot(dirname(dir));
}

/** Progress goes to stderr, so that the table alone can be piped. */
function log(message: string): void {
  process.stderr.write(`${message}\n`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().catch((error: unknown) => {
  log(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
});
