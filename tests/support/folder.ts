/** Folders of tests. All stand in the temporary folder of the run, where nothing may be left: see global-teardown.ts. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const MEMORY = '/dev/shm';
const made: string[] = [];

/** An empty folder, gone when the tests of the file are done, however they end. Its name begins as that of the file. */
export function makeFolder(parent = tmpdir()): string {
  // The command that records histories runs without Jest.
  const { testPath = '' } = typeof expect === 'undefined' ? {} : expect.getState();
  const dir = mkdtempSync(join(parent, `${basename(testPath, '.test.ts') || 'flexetl'}-`));
  made.push(dir);
  return dir;
}

/** The same in memory, where that can be: for tests that make thousands of small files, each synced to the disk. */
export function makeMemoryFolder(): string {
  return makeFolder(existsSync(MEMORY) ? MEMORY : tmpdir());
}

/** At once, for whoever first ends the processes that still write there. */
export function removeFolder(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}

export function removeFolders(): void {
  made.splice(0).forEach(removeFolder);
}
