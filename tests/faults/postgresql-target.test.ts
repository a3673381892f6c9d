/** The PostgreSQL target when the server, the connection or another user of it fails, on a real server with real signals. */
import { createServer, connect, type Server, type Socket } from 'node:net';
import { postgresql } from '../../targets/postgresql';
import type { OpenTarget, Part } from '../../plugin/target';
import { makeFolder } from '../support/folder';
import { contextOf, makePart, queryPart } from '../support/parts';
import { databaseFor, queryPostgresql, startPostgresql, type OwnServer } from '../support/postgresql';
import { waitFor } from '../support/wait-for';
import { KEY, QUERY, ROWS, SCHEMA } from './target-job';

const OPTIONS = { connection_string_env: 'PG', table: 't', mode: 'replace' as const };
const COUNT = 'SELECT count(*), count(DISTINCT id) FROM t';
const ALL = [[String(ROWS), String(ROWS)]];

let dir: string;
let part: Part;
beforeAll(async () => {
  dir = makeFolder();
  part = await queryPart(SCHEMA, QUERY, ROWS);
});

function open(url: string, signal?: AbortSignal, progress = (): void => undefined): OpenTarget {
  const context = { ...contextOf(dir, signal), secret: () => Promise.resolve(url), progress };
  return postgresql.open(postgresql.options.parse(OPTIONS), context);
}

async function publishOld(url: string): Promise<void> {
  const key = { ...KEY, runKey: 'old' };
  await open(url).load(key, await makePart(SCHEMA, [['-1', 'old']]));
  await open(url).publish(key, SCHEMA, 1);
}

describe('a PostgreSQL server that ends', () => {
  let own: OwnServer;
  beforeAll(async () => {
    own = await startPostgresql(makeFolder(), { fsync: 'on' });
  });
  afterAll(() => own.end());

  it('in the middle of COPY loses nothing of what was committed, and the load is done again', async () => {
    await publishOld(own.url);
    const half = await makePart(SCHEMA, [['-2', 'committed before']], 1);
    await open(own.url).load(KEY, half);
    let ending: Promise<void> | undefined;
    const loading = open(own.url, undefined, () => void (ending ??= own.end())).load(KEY, part);
    await expect(loading).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE', retryable: true });
    await ending;
    await expect(open(own.url).load(KEY, part)).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
    await own.restart();
    expect(await queryPostgresql(own.url, COUNT)).toEqual([['1', '1']]);
    // The staging table has survived the crash, with the part that the load ledger says it has.
    expect(await open(own.url).begin(KEY, false)).toEqual({ answer: 'resume' });
    await open(own.url).load(KEY, half);
    await open(own.url).load(KEY, part);
    await open(own.url).publish(KEY, SCHEMA, ROWS + 1);
    expect(await queryPostgresql(own.url, COUNT)).toEqual([[`${ROWS + 1}`, `${ROWS + 1}`]]);
  });
});

describe('a PostgreSQL server that ends during COMMIT', () => {
  it('has published all rows or none after its restart, and the load ledger knows', async () => {
    const own = await startPostgresql(makeFolder(), { fsync: 'on' });
    try {
      await publishOld(own.url);
      let ending: Promise<void> | undefined;
      const proxy = await cutAtCommit(own.url, true, () => void (ending ??= own.end()));
      await open(own.url).load(KEY, part);
      const publishing = open(proxy.url).publish(KEY, SCHEMA, ROWS);
      await expect(publishing).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE', retryable: true });
      proxy.close();
      await ending;
      await own.restart();
      const [[before]] = (await queryPostgresql(own.url, COUNT)) as [[string]];
      expect(['1', String(ROWS)]).toContain(before);
      const published = { rows: ROWS, inserted: ROWS, updated: 0 };
      expect(await open(own.url).publish(KEY, SCHEMA, ROWS)).toEqual(published);
      expect(await queryPostgresql(own.url, COUNT)).toEqual(ALL);
    } finally {
      await own.end();
    }
  });
});

describe('a connection that is lost during COMMIT', () => {
  it.each([
    ['before the server has read it', false],
    ['after the server has done it', true],
  ])('%s is settled by the load ledger', async (name, reaches) => {
    const url = await databaseFor(name);
    await publishOld(url);
    const proxy = await cutAtCommit(url, reaches);
    await open(url).load(KEY, part);
    const publishing = open(proxy.url).publish(KEY, SCHEMA, ROWS);
    await expect(publishing).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE', retryable: true });
    proxy.close();
    expect(proxy.cuts()).toBe(1);
    const published = { rows: ROWS, inserted: ROWS, updated: 0 };
    expect(await open(url).publish(KEY, SCHEMA, ROWS)).toEqual(published);
    expect(await open(url).publish(KEY, SCHEMA, ROWS)).toEqual(published);
    expect(await queryPostgresql(url, COUNT)).toEqual(ALL);
  });
});

/**
 * Between the target and its server; it cuts the connection at the first COMMIT.
 * @param reaches the server gets it
 * @param then called when the server has got it
 */
async function cutAtCommit(url: string, reaches: boolean, then = (): void => undefined) {
  const to = new URL(url);
  const sockets = new Set<Socket>();
  let cuts = 0;
  const proxy: Server = createServer((client) => {
    const server = connect(Number(to.port), to.hostname);
    for (const socket of [client, server]) sockets.add(socket.on('error', () => undefined));
    let isCut = false;
    client.on('data', (data) => {
      if (data.includes('COMMIT')) {
        isCut = true;
        cuts += 1;
        if (!reaches) return void [client, server].forEach((socket) => socket.destroy());
      }
      server.write(data, () => isCut && then());
    });
    server.on('data', (data) => (isCut ? void client.destroy() : client.write(data)));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('close', () => other.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.port = String((proxy.address() as { port: number }).port);
  return {
    url: through.href,
    cuts: () => cuts,
    close() {
      sockets.forEach((socket) => socket.destroy());
      proxy.close();
    },
  };
}

describe('a PostgreSQL table with other users', () => {
  it('that is locked is busy after two seconds, and readers see the old rows meanwhile', async () => {
    const url = await databaseFor('locked');
    await publishOld(url);
    await open(url).load(KEY, part);
    const holding = queryPostgresql(url, 'BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE; SELECT pg_sleep(60)');
    holding.catch(() => undefined);
    const holder = `FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'BEGIN; LOCK%' AND wait_event = 'PgSleep'`;
    await waitFor(async () => (await queryPostgresql(url, `SELECT 1 ${holder}`)).length > 0, {
      what: 'the lock',
    });
    const publishing = open(url).publish(KEY, SCHEMA, ROWS);
    await expect(publishing).rejects.toMatchObject({ code: 'TARGET_BUSY', retryable: true });
    expect(await queryPostgresql(url, COUNT)).toEqual([['1', '1']]);
    await queryPostgresql(url, `SELECT pg_terminate_backend(pid) ${holder}`);
    await open(url).publish(KEY, SCHEMA, ROWS);
    expect(await queryPostgresql(url, COUNT)).toEqual(ALL);
  });

  it('that is waited for is a wait that a cancellation ends within a second, on the server too', async () => {
    const url = await databaseFor('cancelled');
    await publishOld(url);
    const slow = 'CHECK (pg_sleep(CASE WHEN id = 7 THEN 30 ELSE 0 END) IS NOT NULL)';
    await queryPostgresql(url, `ALTER TABLE t ADD CONSTRAINT c ${slow}`);
    await open(url).load(KEY, part);
    const controller = new AbortController();
    const publishing = open(url, controller.signal).publish(KEY, SCHEMA, ROWS);
    publishing.catch(() => undefined);
    const running = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep' AND query LIKE 'INSERT%'`;
    await waitFor(async () => (await queryPostgresql(url, running)).length > 0, { what: 'the slow row' });
    const startMs = performance.now();
    controller.abort();
    await expect(publishing).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(performance.now() - startMs).toBeLessThan(1000);
    expect(await queryPostgresql(url, running)).toEqual([]);
    expect(await queryPostgresql(url, COUNT)).toEqual([['1', '1']]);
  });

  it('gets the rows of two runs at once, and neither is a deadlock', async () => {
    const url = await databaseFor('two runs');
    await publishOld(url);
    const keys = ['a', 'b', 'c'].map((runKey) => ({ ...KEY, pipeline: runKey, runKey }));
    const append = (): OpenTarget =>
      postgresql.open(postgresql.options.parse({ ...OPTIONS, mode: 'append' }), {
        ...contextOf(dir),
        secret: () => Promise.resolve(url),
      });
    await Promise.all(
      keys.map(async (key) => {
        await Promise.all(
          [0, 1, 2].map(async (index) =>
            append().load(key, await makePart(SCHEMA, [['1', key.runKey]], index)),
          ),
        );
        await append().publish(key, SCHEMA, 3);
      }),
    );
    expect(await queryPostgresql(url, 'SELECT name, count(*) FROM t GROUP BY 1 ORDER BY 1')).toEqual([
      ['a', '3'],
      ['b', '3'],
      ['c', '3'],
      ['old', '1'],
    ]);
  });
});
