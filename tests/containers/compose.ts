/** The compose file: the sample, a kill in the middle of a larger run, three workers, the test suite, the end. */
import { chownSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { generateSales, SALES_DEFAULTS, type SalesTotals } from '../../bench/generate';
import { plainDecimal, SALES_JOB } from '../support/sales';
import { assert, readSalesTable, readTotals, sampleTruth, spoil } from './expect';
import { must, run, until, type Outcome } from './engine';
import type { Bench, Check } from './run';

const UP_SECONDS_MAX = 15;
const READY_SECONDS_MAX = 2;
const BIG_ROWS = 2_000_000;

export const composeChecks: readonly Check[] = [
  ['`up pipeline` loads the sample, and the table is read from outside', upPipeline],
  ['a worker is ready within two seconds of its start, and says so itself', workerReady],
  ['`run pipeline --config` runs any pipeline file, as printed in brd.txt', runOtherFile],
  ['a worker killed in the middle of a larger run changes nothing in its result', killWorker],
  ['three workers share the activities of one run', shareWork],
  ['a worker that is stopped ends within its grace, and says goodbye', stopWorker],
  ['`run test` passes inside, on the Temporal server of the compose file', runTests],
  ['`down -v` leaves nothing behind', takeDown],
];

function compose(
  bench: Bench,
  args: readonly string[],
  timeoutMs = 180_000,
  onOutput: (output: string) => void = () => undefined,
): Promise<Outcome> {
  const { engine, dir, env } = bench;
  return run([...engine.compose, ...args], { cwd: dir, env, timeoutMs, onOutput });
}

async function composed(bench: Bench, args: readonly string[], timeoutMs?: number): Promise<string> {
  const { code, output } = await compose(bench, args, timeoutMs);
  assert(
    code === 0,
    `\`${bench.engine.compose.join(' ')} ${args.join(' ')}\` ended with ${code}:\n${output.slice(-3000)}`,
  );
  return output;
}

async function upPipeline(bench: Bench): Promise<string> {
  const startedMs = Date.now();
  const { ms, output, code } = await compose(bench, [
    'up',
    '--abort-on-container-exit',
    '--exit-code-from',
    'pipeline',
    'pipeline',
  ]);
  assert(code === 0, output.slice(-3000));
  const said = output
    .split('\n')
    .filter((line) => line.includes('pipeline') && !line.includes('systemd'))
    .map((line) =>
      line
        .slice(line.indexOf('|') + 1)
        .replace('\u001b[0m', '')
        .trimEnd(),
    );
  const file = join(bench.dir, 'output/sales.db');
  const rows = readSalesTable(file);
  assert(
    JSON.stringify(rows) === JSON.stringify(sampleTruth(bench.dir)),
    'the table is not what the sample gives',
  );
  const { uid } = statSync(file);
  assert(uid === bench.owner, `output/sales.db belongs to ${uid}, not to ${bench.owner}`);
  const { finishedMs } = await runTimes(bench, 'pipeline');
  const seconds = (finishedMs - startedMs) / 1000;
  const found = `${seconds.toFixed(1)} s from the command to the exit of pipeline, ${(ms / 1000).toFixed(1)} s with stopping the others; ${rows.length} rows, all exact; the files belong to user ${uid}`;
  assert(seconds < UP_SECONDS_MAX, found);
  spoil(bench.dir);
  return [...said, found].join('\n');
}

/** Names of the containers of a service, the running ones unless told otherwise. */
async function containersOf(bench: Bench, service: string, all = false): Promise<string[]> {
  const { engine, dir, env, project } = bench;
  const listed = await must([engine.cli, 'ps', ...(all ? ['-a'] : []), '--format', '{{.Names}}'], {
    cwd: dir,
    env,
  });
  return listed
    .split('\n')
    .filter((name) => new RegExp(`^${project}[-_]${service}[-_]\\d+$`).test(name))
    .sort();
}

async function runTimes(bench: Bench, service: string): Promise<{ startedMs: number; finishedMs: number }> {
  const { engine, dir, env } = bench;
  const [name = ''] = await containersOf(bench, service, true);
  const format = '{{json .State.StartedAt}} {{json .State.FinishedAt}}';
  const text = await must([engine.cli, 'inspect', '--format', format, name], { cwd: dir, env });
  const [startedMs = 0, finishedMs = 0] = text
    .trim()
    .split(' ')
    .map((time) => Date.parse(JSON.parse(time) as string));
  return { startedMs, finishedMs };
}

async function workerReady(bench: Bench): Promise<string> {
  const { engine, dir, env } = bench;
  // Containers that `up` stopped are started again by podman, since they end well and may.
  await composed(bench, ['down']);
  await composed(bench, ['up', '-d', 'temporal']);
  await until('a healthy server', 30_000, async () => {
    const [name = ''] = await containersOf(bench, 'temporal');
    return (
      (await run([engine.cli, 'exec', name, 'temporal', 'operator', 'cluster', 'health'], { cwd: dir, env }))
        .code === 0
    );
  });
  await composed(bench, ['up', '-d', 'worker']);
  const [name = ''] = await containersOf(bench, 'worker');
  const health = await healthOf(bench, name);
  // Three starts, and each of them has to be in time.
  const starts: number[] = [];
  while (starts.length < 3) {
    await must([engine.cli, 'restart', name], { cwd: dir, env });
    await healthOf(bench, name);
    const { startedMs } = await runTimes(bench, 'worker');
    const log = await run([engine.cli, 'logs', '-t', name], { cwd: dir, env });
    const readyAt = [...log.output.matchAll(/^(\S+) Worker of task queue/gm)].at(-1)?.[1] ?? '';
    starts.push((Date.parse(readyAt) - startedMs) / 1000);
  }
  const found = `ready after ${starts.map((seconds) => `${seconds.toFixed(2)} s`).join(', ')}; flexetl health: ${health}`;
  assert(Math.max(...starts) < READY_SECONDS_MAX, found);
  return found;
}

function healthOf(bench: Bench, name: string): Promise<string> {
  const { engine, dir, env } = bench;
  return until(`${name} to be healthy`, 30_000, async () => {
    const { code, output } = await run([engine.cli, 'exec', name, 'flexetl', 'health'], { cwd: dir, env });
    return code === 0 ? output.trim() : undefined;
  });
}

async function runOtherFile(bench: Bench): Promise<string> {
  const said = await composed(bench, ['run', 'pipeline', '--config', 'configs/sales_pipeline.yaml']);
  const [name = ''] = await containersOf(bench, 'worker');
  const { engine, dir, env } = bench;
  await must([engine.cli, 'cp', `${name}:/app/output.db`, join(dir, 'from-volume.db')], { cwd: dir, env });
  assert(existsSync(join(dir, 'from-volume.db')), 'output.db is not in the volume of the project');
  const wrong = await compose(bench, ['run', 'pipeline', '--config', 'configs/missing.yaml']);
  assert(wrong.code === 2, `a missing file ends with ${wrong.code}`);
  return `${said
    .split('\n')
    .filter((line) => /succeeded|rows {2}|target {2}/.test(line))
    .map((line) => line.slice(line.search(/✔| {2}(rows|target)/)))
    .join('\n')}\na file that is not there: exit code 2`;
}

/** Two million rows in parts small enough that a kill falls into the middle. */
async function writeBigPipeline(bench: Bench, name: string): Promise<SalesTotals> {
  const { dir, owner } = bench;
  const totals = await generateSales(join(dir, `data/${name}.csv`), {
    ...SALES_DEFAULTS,
    rows: BIG_ROWS,
    groups: 50_000,
  });
  const pipeline = {
    name,
    source: { type: 'csv', path: `data/${name}.csv` },
    ...SALES_JOB,
    targets: [{ type: 'sqlite', database: `output/${name}.db`, table: 'daily_product_revenue' }],
  };
  const scalability = { processing: { chunk_size: 100_000, parallel_workers: 6 } };
  writeFileSync(join(dir, `configs/${name}.yaml`), stringify({ version: '1.0', pipeline, scalability }));
  if (process.getuid?.() === 0) chownSync(join(dir, `data/${name}.csv`), owner, owner);
  return totals;
}

async function temporal(bench: Bench, args: readonly string[]): Promise<string> {
  const { engine, dir, env } = bench;
  const [name = ''] = await containersOf(bench, 'temporal');
  return must([engine.cli, 'exec', name, 'temporal', ...args], { cwd: dir, env });
}

interface HistoryEvent {
  eventType: string;
  activityTaskStartedEventAttributes?: { identity: string };
}

async function historyOf(bench: Bench, pipeline: string): Promise<HistoryEvent[]> {
  const show = ['workflow', 'show', '-w', `flexetl/flexetl/${pipeline}`, '-o', 'json'];
  // The tool gives up connecting after five seconds, which a busy machine may need.
  const text = await until(`the history of ${pipeline}`, 60_000, () =>
    temporal(bench, show).catch(() => undefined),
  );
  return (JSON.parse(text) as { events: HistoryEvent[] }).events;
}

const completed = (events: readonly HistoryEvent[]): number =>
  events.filter((event) => event.eventType.endsWith('ACTIVITY_TASK_COMPLETED')).length;

function assertTotals(bench: Bench, name: string, totals: SalesTotals): string {
  const found = readTotals(join(bench.dir, `output/${name}.db`));
  const wanted = {
    rows: totals.rows.output,
    quantity: totals.quantity,
    revenue: plainDecimal(totals.revenue),
  };
  assert(
    JSON.stringify(found) === JSON.stringify(wanted),
    `found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`,
  );
  return `${found.rows} rows, quantity ${found.quantity}, revenue ${found.revenue}: exact`;
}

async function killWorker(bench: Bench): Promise<string> {
  const { engine, dir, env } = bench;
  const totals = await writeBigPipeline(bench, 'killed');
  const [name = ''] = await containersOf(bench, 'worker');
  let said = '';
  const running = compose(bench, ['run', '-T', 'pipeline', 'killed'], 300_000, (output) => (said = output));
  const middle = await until('the middle of the run', 60_000, () =>
    Promise.resolve(/extract ([4-9]|1\d)\/\d+/.exec(said)?.[0]),
  );
  await must([engine.cli, 'kill', '--signal', 'KILL', name], { cwd: dir, env });
  await delay(500);
  // The engine may have started it again by itself (restart: unless-stopped).
  await run([engine.cli, 'start', name], { cwd: dir, env });
  assert(!said.includes('succeeded'), 'the run had ended before the kill');
  const { code, output } = await running;
  assert(code === 0, output.slice(-3000));
  const exact = assertTotals(bench, 'killed', totals);
  return `killed at “${middle}” and started again; ${completed(await historyOf(bench, 'killed'))} activities in the end\n${output
    .split('\n')
    .filter((line) => /succeeded|rows {2}/.test(line))
    .join('\n')}\n${exact}`;
}

async function shareWork(bench: Bench): Promise<string> {
  await composed(bench, ['up', '-d', '--scale', 'worker=3', 'worker']);
  const names = await containersOf(bench, 'worker');
  assert(names.length === 3, `workers: ${names.join(', ')}`);
  for (const name of names) await healthOf(bench, name);
  const totals = await writeBigPipeline(bench, 'shared');
  const output = await composed(bench, ['run', '-T', 'pipeline', 'shared'], 300_000);
  const counts = new Map<string, number>();
  for (const event of await historyOf(bench, 'shared')) {
    const identity = event.activityTaskStartedEventAttributes?.identity;
    if (identity !== undefined) counts.set(identity, (counts.get(identity) ?? 0) + 1);
  }
  const shares = [...counts].map(([identity, count]) => `${identity}: ${count}`).join(', ');
  assert(counts.size === 3, `activities were taken by ${shares}`);
  return `activities by worker: ${shares}\n${output
    .split('\n')
    .filter((line) => /succeeded/.test(line))
    .join('\n')}\n${assertTotals(bench, 'shared', totals)}`;
}

async function stopWorker(bench: Bench): Promise<string> {
  const { engine, dir, env } = bench;
  const [name = ''] = await containersOf(bench, 'worker');
  const { ms } = await run([engine.cli, 'stop', '-t', '30', name], { cwd: dir, env });
  const code = (
    await must([engine.cli, 'inspect', '--format', '{{.State.ExitCode}}', name], { cwd: dir, env })
  ).trim();
  const found = `${(ms / 1000).toFixed(1)} s, exit code ${code}`;
  assert(code === '0' && ms < 30_000, found);
  return found;
}

async function runTests(bench: Bench): Promise<string> {
  const { output, code } = await compose(bench, ['run', '-T', 'test'], 1_800_000);
  const summary = output.split('\n').filter((line) => /^(Tests|Test Suites|Time):/.test(line));
  assert(code === 0, [...failuresIn(output), ...summary].join('\n'));
  return summary.join('\n');
}

/** Jest's blocks of what failed: each from its ● to the next one, or to the result of the next file. */
function failuresIn(output: string): string[] {
  const blocks: string[][] = [];
  let inside = false;
  for (const line of output.split('\n')) {
    if (/^\s*● /.test(line)) {
      blocks.push([]);
      inside = true;
    } else if (/^(PASS|FAIL|Test Suites:|Summary of all failing tests) ?/.test(line)) inside = false;
    if (inside) blocks.at(-1)?.push(line);
  }
  // The summary of a long run repeats them all.
  const unlike = new Set(blocks.map((block) => block.join('\n').trimEnd()));
  return [...unlike].map((block) => block.split('\n').slice(0, 60).join('\n'));
}

async function takeDown(bench: Bench): Promise<string> {
  const { engine, dir, env, project } = bench;
  // podman-compose takes the containers that were added by --scale for orphans.
  await compose(bench, ['down', '--remove-orphans']);
  await compose(bench, ['down', '-v']);
  const lists = await Promise.all(
    [
      ['ps', '-a', '--format', '{{.Names}}'],
      ['volume', 'ls', '--format', '{{.Name}}'],
      ['network', 'ls', '--format', '{{.Name}}'],
    ].map((args) => must([engine.cli, ...args], { cwd: dir, env })),
  );
  const left = lists
    .join('\n')
    .split('\n')
    .filter((name) => name.startsWith(project));
  assert(left.length === 0, `left: ${left.join(', ')}`);
  return `no container, volume or network is left; in output/: ${readdirSync(join(dir, 'output')).join(', ')}`;
}
