import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { sqlite } from '../../targets/sqlite';
import { runInThread } from '../../targets/sqlite/thread-client';
import type { OpenTarget, Part } from '../../plugin/target';
import { makeFolder } from '../support/folder';
import { contextOf, makePart, queryPart } from '../support/parts';
import { waitFor } from '../support/wait-for';
import { KEY, OPTIONS, QUERY, ROWS, SCHEMA } from './target-job';
import { openSqlite, type Sqlite } from '../../targets/sqlite/binding';

let dir: string;
let part: Part;
beforeAll(async () => (part = await queryPart(SCHEMA, QUERY, ROWS)));
beforeEach(() => {
  dir = makeFolder();
  mkdirSync(join(dir, 'out'));
});

const children: ChildProcess[] = [];
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

/** Starts the process that loads; `until` resolves when it has said a word. */
function startChild(job: string) {
  const args = [
    '--require',
    join(__dirname, '../support/run-ts.js'),
    join(__dirname, 'sqlite-child.ts'),
    dir,
    job,
    part.path,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let said = '';
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  const exited = once(child, 'exit');
  return {
    until: (word: string) => waitFor(() => said.includes(word), { what: `"${word}" of a child` }),
    said: () => said,
    exited,
    async kill(): Promise<void> {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function load(): Promise<{ rows: number }> {
  return target().load(KEY, part);
}

function publish(): Promise<{ rows: number }> {
  return target().publish(KEY, SCHEMA, ROWS);
}

function target(signal?: AbortSignal): OpenTarget {
  return sqlite.open(OPTIONS, contextOf(dir, signal));
}

async function publishOld(): Promise<void> {
  const key = { ...KEY, runKey: 'old' };
  await target().load(key, await makePart(SCHEMA, [['-1', 'old']]));
  await target().publish(key, SCHEMA);
}

function open(): Sqlite {
  return openSqlite(join(dir, 'out/t.db'), { timeout: 0 });
}

/** What a reader finds: first id and number of rows. */
function look(db: Sqlite): string {
  return String(db.prepare('SELECT min(id), count(*) FROM t').raw().get());
}

function assertIntact(): void {
  const db = open();
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  db.close();
}

const OLD = '-1,1';
const NEW = `0,${ROWS}`;

describe('a SQLite load that is killed', () => {
  it('between two batches starts again and ends with each row once', async () => {
    const child = startChild('load');
    await child.until('written');
    await child.kill();
    assertIntact();
    expect(await load()).toMatchObject({ rows: ROWS });
    expect(await publish()).toMatchObject({ rows: ROWS });
    const db = open();
    expect(look(db)).toBe(NEW);
    db.close();
  });

  it('after its commit writes nothing again', async () => {
    const child = startChild('hang after load');
    await child.until('loaded');
    await child.kill();
    assertIntact();
    // Were it loaded again, the ledger would say 1.
    const again = await target().load(KEY, await makePart(SCHEMA, [['5', 'not the same']]));
    expect(again).toMatchObject({ rows: ROWS });
    expect(await publish()).toMatchObject({ rows: ROWS });
  });

  it('at any moment of publish leaves the old table or the new one', async () => {
    await publishOld();
    for (let trial = 0; trial < 3; trial += 1) {
      const child = startChild('publish');
      await child.until('publishing');
      for (let turns = 0; turns < trial * 20; turns += 1) await breathe();
      await child.kill();
      assertIntact();
      const db = open();
      expect([OLD, NEW]).toContain(look(db));
      db.close();
    }
    await load();
    await publish();
    const db = open();
    expect(look(db)).toBe(NEW);
    db.close();
  });
});

describe('a SQLite file with several users', () => {
  it('gets a part once from two processes that load it at once', async () => {
    const both = [startChild('load'), startChild('load')];
    await Promise.all(both.map((child) => child.exited));
    expect(both.map((child) => child.said().includes(`loaded ${ROWS}`))).toEqual([true, true]);
    expect(await publish()).toMatchObject({ rows: ROWS });
  });

  it('shows a reader the old table or the new one, at every moment', async () => {
    await publishOld();
    await load();
    const db = open();
    // Connected before: SQLite lets nobody in while the first of two begins to use a file.
    const seen = new Set([look(db)]);
    const publishing = publish().finally(() => seen.add('done'));
    while (!seen.has('done')) {
      seen.add(look(db));
      await breathe();
    }
    await publishing;
    seen.add(look(db));
    db.close();
    expect([...seen].filter((found) => found !== 'done').sort()).toEqual([OLD, NEW].sort());
  });

  it('that is locked is waited for without holding up the event loop', async () => {
    await publishOld();
    const user = open();
    user.exec('BEGIN IMMEDIATE');
    const loading = load();
    // Were the loop held, the lock would never be released.
    let beats = 0;
    const beat = setInterval(() => (beats += 1), 5);
    await waitFor(() => beats > 60, { what: 'the event loop' });
    clearInterval(beat);
    user.exec('ROLLBACK');
    user.close();
    expect(await loading).toMatchObject({ rows: ROWS });
  });

  it('that stays locked is a wait that a cancellation ends within a second', async () => {
    await publishOld();
    const user = open();
    user.exec('BEGIN IMMEDIATE');
    const controller = new AbortController();
    const publishing = target(controller.signal).publish({ ...KEY, runKey: 'r2' }, SCHEMA);
    setImmediate(() => controller.abort());
    await expect(publishing).rejects.toMatchObject({ code: 'CANCELLED' });
    user.close();
  });

  it('that stays locked is busy, which a retry can help', async () => {
    await publishOld();
    const user = open();
    user.exec('BEGIN IMMEDIATE');
    await expect(target().discard({ ...KEY, runKey: 'r2' })).rejects.toMatchObject({
      code: 'TARGET_BUSY',
      retryable: true,
    });
    user.close();
  });
});

describe('the thread of the SQLite target', () => {
  const job = {
    options: OPTIONS,
    projectDir: '/none',
    scratchDir: '/none',
    call: { method: 'discard', key: KEY },
  } as const;
  it.each([
    ['crashes', 'throw new Error("bad day")', 'bad day'],
    ['ends without an answer', 'process.exit(0)', 'it ended without an answer'],
  ])('that %s is an error, not a hang', async (_, code, message) => {
    const entry = join(dir, 'thread.js');
    writeFileSync(entry, code);
    await expect(runInThread(job, contextOf(dir), entry)).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringMatching(`^The thread that writes out/t.db failed: .*${message}`) as string,
    });
  });

  it('that does not answer a cancellation is ended within a second', async () => {
    const entry = join(dir, 'thread.js');
    writeFileSync(entry, 'setInterval(() => undefined, 1000)');
    const controller = new AbortController();
    const running = runInThread(job, contextOf(dir, controller.signal), entry);
    setImmediate(() => controller.abort());
    const startMs = performance.now();
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(performance.now() - startMs).toBeLessThan(1500);
  });

  it('lets the process end', async () => {
    const child = startChild('load and publish');
    const [code] = (await child.exited) as [number];
    expect(code).toBe(0);
    expect(child.said()).toContain('published');
  });
});
