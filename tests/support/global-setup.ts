/** One dev server for the whole run; TEMPORAL_ADDRESS names another one, as in the compose file. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export interface TestServer {
  pid: number;
  address: string;
  stateDir: string;
}

declare global {
  var testServer: TestServer | undefined;
}

module.exports = function globalSetup(): void {
  const configured = process.env['TEMPORAL_ADDRESS'];
  if (configured) {
    process.env['FLEXETL_TEST_ADDRESS'] = configured;
    return;
  }
  // In a process of its own: a gRPC client in Jest's own process has been seen to spin its timers for ever.
  const args = ['--require', join(__dirname, 'run-ts.js'), join(__dirname, 'start-server.ts')];
  const output = execFileSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  globalThis.testServer = JSON.parse(output) as TestServer;
  process.env['FLEXETL_TEST_ADDRESS'] = globalThis.testServer.address;
};
