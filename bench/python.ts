/** Virtual environments of Python, made once and again when a pinned version changes. */
import { execFile } from 'node:child_process';
import { copyFile, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * @param benchDir the folder with `peers/requirements.txt`; the environment is `.venv` in it
 * @returns the interpreter, or null when there is none to be had: the others are compared without them
 */
export async function preparePython(
  benchDir: string,
  log: (message: string) => void,
): Promise<string | null> {
  const requirements = join(benchDir, 'peers', 'requirements.txt');
  try {
    return await makePython(join(benchDir, '.venv'), requirements, log);
  } catch (error) {
    log(`No Python competitors: ${(error as Error).message}`);
    return null;
  }
}

/**
 * A virtual environment with the packages of a `requirements.txt`; made again only when that file has changed.
 * @returns the interpreter
 * @throws Error saying what is missing
 */
export async function makePython(
  venvDir: string,
  requirements: string,
  log: (message: string) => void,
): Promise<string> {
  // Copied last, so an interrupted installation is made again.
  const installed = join(venvDir, 'requirements.txt');
  const python = join(venvDir, 'bin', 'python');
  if ((await readOrEmpty(installed)) === (await readOrEmpty(requirements))) return python;
  try {
    log(`Making the virtual environment ${relative('.', venvDir)}: about a minute, once.`);
    await rm(venvDir, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', venvDir]);
    log(`Installing ${relative('.', requirements)} into it.`);
    await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
    await copyFile(requirements, installed);
    return python;
  } catch (error) {
    throw new Error(explain(error), { cause: error });
  }
}

function explain(error: unknown): string {
  const { code, stderr, stdout, message } = error as NodeJS.ErrnoException & {
    stderr?: string;
    stdout?: string;
  };
  if (code === 'ENOENT') return 'python3 is not on PATH. Install Python 3.11 or newer.';
  const tail = `${stdout ?? ''}\n${stderr ?? ''}`.trim().split('\n').slice(-3).join(' ');
  return `${tail || message} (python3 needs its venv and pip modules, and pip a package index.)`;
}

async function readOrEmpty(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
