/** The embedded server of a project, as it is seen from outside. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProcess, isAlive } from '../../server/processes';

/** The process that the project's record names. */
export function serverPid(projectDir: string): number {
  const text = readFileSync(join(projectDir, '.flexetl', 'server.json'), 'utf8');
  return (JSON.parse(text) as { pid: number }).pid;
}

/** How many servers run on the project's database. */
export function serversOf(projectDir: string): number {
  let count = 0;
  findProcess((command) => {
    if (servesProject(command, projectDir)) count += 1;
    return false;
  });
  return count;
}

/** Ends a server that a failed test has left behind. */
export function endServerOf(projectDir: string): void {
  const pid = findProcess((command) => servesProject(command, projectDir));
  if (pid !== null && isAlive(pid)) process.kill(pid, 'SIGKILL');
}

function servesProject(command: string, projectDir: string): boolean {
  return command.includes(`${projectDir}/.flexetl/temporal.db`);
}
