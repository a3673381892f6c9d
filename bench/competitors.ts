/** Who runs the sales job, and with which command. Each gets an input file and the database to fill. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { probePort } from '../server/client';
import { startDevServer, type DevServer } from './dev-server';
import { measure, type Command, type Measured } from './measure';

export interface Job {
  inputPath: string;
  databasePath: string;
  /** An empty folder of this run's own; removed afterwards. */
  workDir: string;
}

export interface Competitor {
  name: string;
  title: string;
  run(job: Job): Promise<Measured>;
  /** Ends what its runs have in common. */
  close?(): Promise<void>;
}

export interface BenchTools {
  /** The checkout. */
  rootDir: string;
  /** The interpreter with the peers' packages; null: without the Python competitors. */
  python: string | null;
  log: (message: string) => void;
}

/** Where the embedded server is not started because another one answers. */
const DEFAULT_SERVER = '127.0.0.1:7233';

const PEERS: readonly (readonly [name: string, title: string])[] = [
  ['pandas', 'pandas'],
  ['polars', 'Polars'],
  ['duckdb', 'DuckDB in Python'],
  ['dask', 'Dask'],
  ['dlt', 'dlt + pandas'],
];

export const COMPETITOR_NAMES: readonly string[] = [
  'flexetl-embedded',
  'flexetl-server',
  'bare',
  ...PEERS.map(([name]) => name),
];

/** All competitors that can run here; the log says why others cannot. */
export async function listCompetitors(tools: BenchTools): Promise<Competitor[]> {
  const { rootDir, python } = tools;
  const bare: Competitor = {
    name: 'bare',
    title: 'bare DuckDB script in Node',
    run: ({ inputPath, databasePath }) =>
      measure(node(rootDir, [join(rootDir, 'dist/bench/bare-duckdb.js'), inputPath, databasePath])),
  };
  const peers = PEERS.map(([name, title]): Competitor => {
    const script = join(rootDir, 'bench/peers', `${name}_sales.py`);
    return {
      name,
      title,
      run: ({ inputPath, databasePath, workDir }) =>
        measure({
          file: python ?? 'python3',
          args: [script, inputPath, databasePath],
          cwd: workDir,
          env: process.env,
        }),
    };
  });
  return [...(await listFlexetl(tools)), bare, ...(python === null ? [] : peers)];
}

async function listFlexetl({ rootDir, log }: BenchTools): Promise<Competitor[]> {
  const cli = join(rootDir, 'dist/client/flexetl.js');
  if (!existsSync(cli)) {
    log(`No FlexETL: ${cli} is missing. Run "npm run build".`);
    return [];
  }
  const run = async (job: Job, env: Command['env']): Promise<Measured> => {
    const configPath = await writeConfig(rootDir, job);
    const args = [cli, 'run', '--config', configPath, '--json'];
    return measure({ ...node(rootDir, args), cwd: job.workDir, env: { ...process.env, ...env } });
  };
  // One for all passes, from the one that warms up: a server is busy with itself for its first seconds.
  let running: Promise<DevServer> | undefined;
  const server: Competitor = {
    name: 'flexetl-server',
    title: 'FlexETL, server running',
    async run(job) {
      const { address } = await (running ??= startDevServer(log));
      return run(job, { TEMPORAL_ADDRESS: address });
    },
    close: async () => (await running)?.stop(),
  };
  if ((await probePort(DEFAULT_SERVER, 1000)) === null) {
    log(`No FlexETL with its embedded server: another server answers at ${DEFAULT_SERVER}. Stop it first.`);
    return [server];
  }
  const embedded: Competitor = {
    name: 'flexetl-embedded',
    title: 'FlexETL, embedded server',
    run: (job) => run(job, { TEMPORAL_ADDRESS: undefined }),
  };
  return [embedded, server];
}

/** `configs/sales.yaml` as it is shipped, with this run's files in it. */
async function writeConfig(rootDir: string, job: Job): Promise<string> {
  const config = parse(await readFile(join(rootDir, 'configs/sales.yaml'), 'utf8')) as {
    pipeline: { source: { type: string; path: string }; targets: [{ database: string }] };
  };
  config.pipeline.source = { type: job.inputPath.endsWith('.ndjson') ? 'json' : 'csv', path: job.inputPath };
  config.pipeline.targets[0].database = job.databasePath;
  const configPath = join(job.workDir, 'configs', 'sales.yaml');
  await mkdir(join(job.workDir, 'configs'));
  await writeFile(configPath, stringify(config));
  return configPath;
}

function node(cwd: string, args: readonly string[]): Command {
  return { file: process.execPath, args, cwd, env: process.env };
}
