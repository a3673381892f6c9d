/** `flexetl doctor`: whether this machine and this folder have what a run needs, and what to do where they do not. */
import { join } from 'node:path';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { many } from '../pipeline/markdown';
import type { Settings } from '../runtime/settings';
import { PACKAGE_DIR } from '../worker/bundle';
import { EXIT, type CommandContext } from './context';
import {
  checkBinary,
  checkClock,
  checkDisk,
  checkDuckdb,
  checkFolders,
  checkNode,
  checkPorts,
  checkProject,
  checkSdk,
  checkServer,
  checkSqlite,
  type Finding,
} from './doctor-checks';
import { printJson, printLine } from './print';

export interface Check extends Finding {
  name: string;
}

interface Manifest {
  version: string;
  engines: { node: string };
}

/** @returns 1 if something is wrong that keeps runs from working */
export async function doctorCommand(context: CommandContext): Promise<number> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- of the package that runs
  const { version, engines } = require(join(PACKAGE_DIR, 'package.json')) as Manifest;
  const { settings } = context;
  const checks = [
    await check('flexetl', () => ({
      status: 'ok',
      found: `${version}, ${process.platform} ${process.arch}`,
    })),
    await check('node', () => checkNode(process.versions.node, engines.node)),
    ...(await checkMachine(settings)),
  ];
  const problems = checks.filter(({ status }) => status === 'problem').length;
  if (context.json) printJson(context, { ok: problems === 0, checks });
  else {
    for (const one of checks) printCheck(context, one);
    printLine(
      context,
      problems === 0 ? '\nReady to run.' : `\n${many(problems, 'problem')}: runs will fail.`,
    );
  }
  return problems === 0 ? EXIT.done : EXIT.checkFailed;
}

async function checkMachine(settings: Settings): Promise<Check[]> {
  return [
    await check('duckdb', checkDuckdb),
    await check('sqlite', checkSqlite),
    await check('temporal sdk', checkSdk),
    await check('server', () => checkServer(settings)),
    await check('server binary', () => checkBinary(settings)),
    await check('ports', () => checkPorts(settings)),
    await check('project', () => checkProject(settings)),
    await check('permissions', () => checkFolders(settings)),
    await check('disk', () => checkDisk(settings)),
    await check('clock', () => checkClock(settings)),
  ];
}

async function check(name: string, look: () => Finding | Promise<Finding>): Promise<Check> {
  try {
    return { name, ...(await look()) };
  } catch (error) {
    const todo = error instanceof FlexetlError ? error.hint : undefined;
    return { name, status: 'problem', found: messageOf(error), ...(todo !== undefined && { todo }) };
  }
}

const MARKS = { ok: '✔', warning: '!', problem: '✘' } as const;

function printCheck(context: CommandContext, { name, status, found, todo }: Check): void {
  printLine(context, `${MARKS[status]} ${name.padEnd(14)} ${found}`);
  if (todo !== undefined) printLine(context, `  ${' '.repeat(14)} ${todo}`);
}
