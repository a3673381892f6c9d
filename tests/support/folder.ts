/** Folders of tests. All stand in the temporary folder of the run, where nothing may be left: see global-teardown.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const made: string[] = [];

/** An empty folder, gone when the tests of the file are done, however they end. Its name begins as that of the file. */
export function makeFolder(): string {
  // The command that records histories runs without Jest.
  const { testPath = '' } = typeof expect === 'undefined' ? {} : expect.getState();
  const dir = mkdtempSync(join(tmpdir(), `${basename(testPath, '.test.ts') || 'flexetl'}-`));
  made.push(dir);
  return dir;
}

/** At once, for whoever first ends the processes that still write there. */
export function removeFolder(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}

export function removeFolders(): void {
  made.splice(0).forEach(removeFolder);
}
