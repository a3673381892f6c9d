/** Ends the server of the run, and fails when tests or the product have left something in the temporary folder. */
import { readdirSync } from 'node:fs';
import { removeFolder } from './folder';
import { endSharedServer } from './postgresql';

module.exports = function globalTeardown(): void {
  if (!globalThis.testRun) return;
  const { dir, tmpdir, server } = globalThis.testRun;
  if (server) {
    process.kill(server.pid, 'SIGKILL');
    removeFolder(server.stateDir);
  }
  endSharedServer(dir);
  const left = readdirSync(dir).filter((name) => name !== SOCKETS);
  removeFolder(dir);
  if (tmpdir === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = tmpdir;
  if (left.length > 0) {
    throw new Error(
      `Left in the temporary folder by tests, or by what they started: ${left.join(', ')}. ` +
        'What makeFolder of tests/support/folder.ts gives is removed by itself.',
    );
  }
};

/** Stays for the next worker of the project: worker/health.ts. */
const SOCKETS = `flexetl-${process.getuid?.() ?? 0}`;
