/** Two ways to get the `temporal` binary: the official download, and a build with Go. */
import { execFile } from 'node:child_process';
import { createWriteStream, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';

export interface BinaryOptions {
  /** Read: TEMPORAL_CLI_PATH, PATH, FLEXETL_CACHE_DIR, XDG_CACHE_HOME, FLEXETL_TEMPORAL_DOWNLOAD_URL. */
  env: Readonly<Record<string, string | undefined>>;
  log: (message: string) => void;
}

/** The last version that `go install` can build: later ones have replace directives in their go.mod. */
export const TEMPORAL_CLI_VERSION = '1.5.1';

const DOWNLOAD_URL = 'https://temporal.download/cli/archive';
const GO_PACKAGE = 'github.com/temporalio/cli/cmd/temporal';
const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

const run = promisify(execFile);

/**
 * Puts the official release at `path`. FLEXETL_TEMPORAL_DOWNLOAD_URL names a mirror of the download site. A file
 * appears at `path` only if the whole archive has arrived and its binary runs.
 */
export async function downloadTemporal(path: string, { env, log }: BinaryOptions): Promise<void> {
  const base = env['FLEXETL_TEMPORAL_DOWNLOAD_URL'] || DOWNLOAD_URL;
  const arch = ARCHITECTURES[process.arch] ?? process.arch;
  const url = `${base}/v${TEMPORAL_CLI_VERSION}?platform=${process.platform}&arch=${arch}`;
  await withScratch(path, async (scratch) => {
    const archive = join(scratch, 'temporal.tar.gz');
    await fetchFile(url, archive, () => log('Downloading the Temporal server, once.'));
    await run('tar', ['-xzf', archive, '-C', scratch]);
    return join(scratch, 'temporal');
  });
}

async function fetchFile(url: string, path: string, onStart: () => void): Promise<void> {
  const abort = new AbortController();
  const { signal } = abort;
  let why = `no answer from ${url} within ${LIMITS.downloadReplyMs / 1000} s`;
  const timer = setTimeout(() => abort.abort(), LIMITS.downloadReplyMs);
  try {
    const response = await fetch(url, { signal });
    const { body } = response;
    if (!response.ok || !body) throw new Error(`${url} answered ${response.status}`);
    onStart();
    why = `the transfer from ${url} stalled`;
    // Every chunk starts the timer again: a slow connection is fine, a dead one is not.
    const watched = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of body) {
        timer.refresh();
        yield chunk as Uint8Array;
      }
    };
    await pipeline(watched, createWriteStream(path), { signal });
  } catch (error) {
    // `fetch` hides the reason in the cause.
    const { cause } = error as { cause?: unknown };
    const reason = cause === undefined ? messageOf(error) : `${url}: ${messageOf(cause)}`;
    throw new Error(signal.aborted ? why : reason, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Puts a build from source at `path`. Needs the Go module proxy; minutes, not seconds. */
export async function goInstallTemporal(
  path: string,
  go: string | null,
  { env, log }: BinaryOptions,
): Promise<void> {
  if (go === null) throw new Error('Go is not on PATH');
  const startedMs = Date.now();
  log('Building the Temporal server with Go: about two minutes, once.');
  const ticker = setInterval(
    () => log(`Still building the Temporal server (${Math.round((Date.now() - startedMs) / 1000)} s).`),
    10_000,
  );
  try {
    await withScratch(path, async (scratch) => {
      const args = ['install', `${GO_PACKAGE}@v${TEMPORAL_CLI_VERSION}`];
      const options = { env: { ...env, GOBIN: scratch }, timeout: LIMITS.goInstallMs, maxBuffer: Infinity };
      await run(go, args, options).catch((error: { stderr?: string }) => {
        // Go prints every module it fetches: only the last line says why it failed.
        throw new Error(error.stderr?.trim().split('\n').at(-1) || messageOf(error), { cause: error });
      });
      return join(scratch, 'temporal');
    });
  } finally {
    clearInterval(ticker);
  }
}

/** Makes the binary in a folder beside its place, runs it once, and moves it there in one step. */
async function withScratch(path: string, make: (scratch: string) => Promise<string>): Promise<void> {
  const prefix = `${basename(path)}-new-`;
  // What a killed command has left; the caller holds the lock, so nobody uses it.
  for (const name of readdirSync(dirname(path)).filter((entry) => entry.startsWith(prefix)))
    rmSync(join(dirname(path), name), { recursive: true, force: true });
  const scratch = mkdtempSync(join(dirname(path), prefix));
  try {
    const made = await make(scratch);
    await run(made, ['--version'], { timeout: 30_000 });
    renameSync(made, path);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
