/**
 * `npm run test:containers`: the image and the compose file, built and run for real, one check after the other.
 *
 * It works in a fresh copy of the project whose output folder belongs to another user, so that nothing of this
 * checkout is touched and the ownership of files shows. Options: --keep leaves copy and containers; --only WORD runs
 * the checks with that word in their title, over images that are there.
 */
import { execFileSync } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { choosePorts } from '../../server/ports';
import { composeChecks } from './compose';
import { deployChecks } from './deploy';
import { findEngine, run, type Engine } from './engine';
import { imageChecks } from './image';

/** What every check gets. */
export interface Bench {
  engine: Engine;
  /** The copy of the project. */
  dir: string;
  /** Prefix of the names of containers, volumes and networks. */
  project: string;
  env: NodeJS.ProcessEnv;
  /** Whom the output folder belongs to. */
  owner: number;
  /** A word that stands in the copy's .env and nowhere else. */
  secret: string;
}

/** @returns what was found, in a line or more; throws when it is not as it must be */
export type Check = readonly [title: string, check: (bench: Bench) => Promise<string>];

const ROOT = join(__dirname, '..', '..');

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { keep: { type: 'boolean' }, only: { type: 'string' } } });
  const engine = findEngine();
  if (!engine) {
    say(
      'No container engine: neither podman with podman-compose nor docker with its compose plugin answers here.',
    );
    say('Nothing was checked. Install one of them; CONTAINER.md tells how.');
    return 2;
  }
  const bench = await openBench(engine);
  say(`${engine.version}, ${engine.compose.join(' ')}; a copy of the project in ${bench.dir}`);
  const checks = [...deployChecks, ...imageChecks, ...composeChecks].filter(([title]) =>
    title.includes(values.only ?? ''),
  );
  let failed = 0;
  try {
    for (const [title, check] of checks) failed += (await perform(title, check, bench)) ? 0 : 1;
  } finally {
    if (!values.keep) await closeBench(bench);
  }
  say(`${checks.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function perform(title: string, check: Check[1], bench: Bench): Promise<boolean> {
  const startedMs = performance.now();
  const result = await check(bench).then(
    (found) => ({ mark: '✔', found }),
    (error: unknown) => ({ mark: '✘', found: error instanceof Error ? error.message : String(error) }),
  );
  say(`${result.mark} ${title} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`);
  for (const line of result.found.split('\n')) say(`    ${line}`);
  return result.mark === '✔';
}

/** Files that git has or would take, as a clone has them. */
async function openBench(engine: Engine): Promise<Bench> {
  const dir = mkdtempSync(join(tmpdir(), 'flexetl-containers-'));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const path of listed.split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    cpSync(join(ROOT, path), join(dir, path), { force: true });
  }
  const secret = `canary-${process.pid}-${Date.now()}`;
  writeFileSync(join(dir, '.env'), `API_TOKEN=${secret}\n`);
  const owner = process.getuid?.() === 0 ? 1234 : (process.getuid?.() ?? 1000);
  mkdirSync(join(dir, 'output'), { recursive: true });
  if (process.getuid?.() === 0) chownSync(join(dir, 'output'), owner, owner);
  const { port, uiPort } = await choosePorts(dir);
  const project = `flexetl-check-${process.pid}`;
  const env = {
    COMPOSE_PROJECT_NAME: project,
    TEMPORAL_PORT: String(port),
    TEMPORAL_UI_PORT: String(uiPort),
    // Where a builder may not make namespaces of its own, as in most containers; ignored by Docker.
    BUILDAH_ISOLATION: process.env['BUILDAH_ISOLATION'] ?? 'chroot',
  };
  return { engine, dir, project, env, owner, secret };
}

async function closeBench({ engine, dir, env }: Bench): Promise<void> {
  await run([...engine.compose, 'down', '--remove-orphans'], { cwd: dir, env });
  await run([...engine.compose, 'down', '-v'], { cwd: dir, env });
  rmSync(dir, { recursive: true, force: true });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = 1;
  },
);
