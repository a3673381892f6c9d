/** The embedded server of a project, as it is seen from outside. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listProcesses } from '../../server/processes';

/** The process that the project's record names. */
export function serverPid(projectDir: string): number {
  const text = readFileSync(join(projectDir, '.flexetl', 'server.json'), 'utf8');
  return (JSON.parse(text) as { pid: number }).pid;
}

/** How many servers run on the project's database. */
export function serversOf(projectDir: string): number {
  return serverPids(projectDir).length;
}

/** Ends servers that a failed test has left behind. */
export function endServerOf(projectDir: string): void {
  for (const pid of serverPids(projectDir)) process.kill(pid, 'SIGKILL');
}

function serverPids(projectDir: string): number[] {
  const servers = listProcesses().filter(({ command }) =>
    command.includes(`${projectDir}/.flexetl/temporal.db`),
  );
  return servers.map(({ pid }) => pid);
}
