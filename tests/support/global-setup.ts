/** One temporary folder and one dev server for the whole run; TEMPORAL_ADDRESS names another server, as in the compose file. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from './folder';

export interface TestServer {
  pid: number;
  address: string;
  stateDir: string;
}

export interface TestRun {
  /** The temporary folder of everything that is started from here on. */
  dir: string;
  /** What was the temporary folder before. */
  tmpdir: string | undefined;
  server?: TestServer;
}

declare global {
  var testRun: TestRun | undefined;
}

module.exports = function globalSetup(): void {
  // A short name: the path of a worker's socket below it may have 100 characters.
  const dir = mkdtempSync(join(tmpdir(), 'flexetl-'));
  globalThis.testRun = { dir, tmpdir: process.env['TMPDIR'] };
  process.env['TMPDIR'] = dir;
  const configured = process.env['TEMPORAL_ADDRESS'];
  if (configured) {
    process.env['FLEXETL_TEST_ADDRESS'] = configured;
    return;
  }
  try {
    globalThis.testRun.server = startServer();
  } catch (error) {
    removeFolder(dir);
    throw error;
  }
  process.env['FLEXETL_TEST_ADDRESS'] = globalThis.testRun.server.address;
};

/** In a process of its own: a gRPC client in Jest's own process has been seen to spin its timers for ever. */
function startServer(): TestServer {
  const args = ['--require', join(__dirname, 'run-ts.js'), join(__dirname, 'start-server.ts')];
  const output = execFileSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(output) as TestServer;
}
