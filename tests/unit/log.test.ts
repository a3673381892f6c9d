/** The log file: it has every line when its command has ended, and nothing touches it from then on. */
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { closeLog, createLog, type Logger } from '../../runtime/log';
import { makeFolder } from '../support/folder';
import { waitFor } from '../support/wait-for';

/** Midnight comes this long after a log is opened. */
const MIDNIGHT_MS = 1_000;
const real = Date;

function setClock(): void {
  const offset = new real(2026, 0, 2).getTime() - MIDNIGHT_MS - real.now();
  // Only the clock: timers stay as they are.
  globalThis.Date = class extends real {
    constructor(...given: [number, number] | []) {
      if (given.length === 0) super(real.now() + offset);
      else super(...given);
    }
  } as unknown as DateConstructor;
}
afterEach(() => {
  globalThis.Date = real;
});

function open(): { folder: string; log: Logger } {
  const folder = join(makeFolder(), 'logs');
  setClock();
  const log = createLog({ level: 'info', format: 'json', file: join(folder, 'a.log'), rotation: 'daily' });
  log.info('one');
  return { folder, log };
}

it('is rotated at midnight while it is open', async () => {
  const { folder, log } = open();
  await waitFor(() => readdirSync(folder).some((name) => /^20260101.*a\.log$/.test(name)), {
    what: 'a second file',
  });
  await closeLog(log);
});

it('has every line when it is closed, and is not made again', async () => {
  const { folder, log } = open();
  for (let line = 0; line < 1000; line += 1) log.info(`line ${line}`);
  await closeLog(log);
  await closeLog(log);
  // On a slow machine midnight may have passed.
  const files = readdirSync(folder).filter((name) => name.endsWith('a.log'));
  const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'));
  expect(lines).toHaveLength(1001);
  rmSync(folder, { recursive: true });
  await new Promise((resolve) => setTimeout(resolve, 1.2 * MIDNIGHT_MS));
  expect(existsSync(folder)).toBe(false);
});
