import { rmSync } from 'node:fs';

module.exports = function globalTeardown(): void {
  const server = globalThis.testServer;
  if (!server) return;
  process.kill(server.pid, 'SIGKILL');
  rmSync(server.stateDir, { recursive: true, force: true });
};
