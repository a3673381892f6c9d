/**
 * What dlt makes of the misbehaviours that the api source is tested with: the third column of docs/sources/api.md.
 *
 *     node --require ./tests/support/run-ts.js bench/misbehaviours.ts [name …]
 *
 * The build leaves this file out, as it serves with the server of the tests.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { ITEMS, startApi, type LoopbackApi } from '../tests/support/api/loopback-api';
import { MISBEHAVIOURS } from '../tests/support/api/misbehaviours';
import { preparePython } from './python';

/** A run that does not end by itself; one with retries of dlt takes up to a minute. */
const TIMEOUT_MS = 90_000;

const RIGHT = ITEMS.map((item) => /"id":(\d+)/.exec(item)!.slice(1));

async function main(names: readonly string[]): Promise<void> {
  const python = await preparePython(__dirname, (line) => process.stderr.write(`${line}\n`));
  if (python === null) throw new Error('bench: no Python');
  const behaviours = Object.entries(MISBEHAVIOURS).map(([name, { serve }]) => [name, serve]);
  const server = await startApi(Object.fromEntries(behaviours));
  try {
    const open = Object.keys(MISBEHAVIOURS).filter((name) => names.length === 0 || names.includes(name));
    // Most of the time is waiting.
    await Promise.all(
      Array.from({ length: 3 }, async () => {
        for (let name = open.shift(); name !== undefined; name = open.shift())
          process.stdout.write(`${name}\t${await outcomeOf(name, python, server)}\n`);
      }),
    );
  } finally {
    await server.close();
  }
}

async function outcomeOf(name: string, python: string, server: LoopbackApi): Promise<string> {
  const url = server.urlOf(name);
  const given = MISBEHAVIOURS[name]!.options as { auth?: object };
  const options = { ...given, ...(given.auth && { auth: { ...given.auth, token_url: `${url}/token` } }) };
  const script = join(__dirname, 'peers', 'dlt_api.py');
  const { error, stdout, stderr } = await run(python, [script, url, JSON.stringify(options)]);
  const requests = server.requests.filter((one) => one.name === name).length;
  if (error?.killed) return `does not end: ${requests} requests in ${TIMEOUT_MS / 1000} s`;
  if (error) return `error: ${lastLine(stderr)}`;
  return judge(JSON.parse(stdout.trim().split('\n').at(-1) ?? '[]') as string[][]);
}

function run(
  command: string,
  args: readonly string[],
): Promise<{ error: (Error & { killed?: boolean }) | null; stdout: string; stderr: string }> {
  const limits = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 } as const;
  return new Promise((resolve) =>
    execFile(command, args, limits, (error, stdout, stderr) => resolve({ error, stdout, stderr })),
  );
}

/** By their ids alone. */
function judge(rows: readonly (readonly string[])[]): string {
  const idsOf = (all: readonly (readonly string[])[]): string[] => all.map(([id = '']) => id);
  const found = idsOf(rows);
  const lost = idsOf(RIGHT).filter((id) => !found.includes(id)).length;
  const doubled = found.length - new Set(found).size;
  const foreign = [...new Set(found)].filter((id) => !idsOf(RIGHT).includes(id)).length;
  const problems = [
    ...(lost > 0 ? [`${lost} of ${RIGHT.length} lost`] : []),
    ...(doubled > 0 ? [`${doubled} doubled`] : []),
    ...(foreign > 0 ? [`${foreign} that are none of them`] : []),
  ];
  return problems.length === 0 ? 'right' : `green, ${problems.join(', ')}`;
}

function lastLine(text: string): string {
  const lines = text.trim().split('\n');
  return (
    lines.findLast((line) => /^[\w.]*(Error|Exception|Failed|exceptions)\b/i.test(line)) ??
    lines.at(-1) ??
    ''
  ).slice(0, 200);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 2;
});
