/**
 * 1,000 pages of 100 records from an API on loopback: landed by FlexETL, beside a bare undici loop that writes the same
 * files.
 *
 *     npm run build && node dist/bench/api-pages.js
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { openSource } from '../engine/landing';
import type { PluginContext } from '../plugin/context';
import { createSharedFiles } from '../runtime/staging/shared-files';
import { api } from '../sources/api';

const PAGES = 1000;
const RECORDS = 100;
const REPEAT = 5;

function pageOf(page: number): string {
  const records = Array.from({ length: RECORDS }, (_, index) => {
    const id = (page - 1) * RECORDS + index;
    return `{"id":${id},"sku":"P${String(id % 977).padStart(5, '0')}","price":${id % 500}.${10 + (id % 90)},"paid":${id % 2 === 0},"at":"2026-01-02T10:00:00Z"}`;
  });
  return `{"data":[${page > PAGES ? '' : records.join(',')}]}`;
}

/** In a process of its own, so that its work counts for nobody. */
async function serve(): Promise<void> {
  const pages = Array.from({ length: PAGES + 1 }, (_, index) => pageOf(index + 1));
  const server = createServer(({ url }, response) => {
    const page = Number(new URL(url ?? '', 'http://x').searchParams.get('page'));
    response.writeHead(200, { 'content-type': 'application/json' }).end(pages[page - 1]);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send?.((server.address() as AddressInfo).port);
  process.once('disconnect', () => process.exit());
}

async function bareLoop(url: string, dir: string): Promise<void> {
  const dispatcher = new Agent();
  for (let page = 1; ; page += 1) {
    const { body } = await request(`${url}?page=${page}`, { dispatcher });
    const { data } = JSON.parse(await body.text()) as { data: object[] };
    if (data.length === 0) break;
    await writeFile(
      join(dir, `${page}.ndjson`),
      data.map((record) => `${JSON.stringify(record)}\n`).join(''),
    );
    await writeFile(join(dir, `${page}.json`), JSON.stringify({ page, records: data.length }));
  }
  await dispatcher.close();
}

async function landPages(url: string, dir: string): Promise<void> {
  const context: PluginContext = {
    projectDir: dir,
    scratchDir: dir,
    shared: createSharedFiles(dir),
    signal: new AbortController().signal,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined },
    progress: () => undefined,
    secret: () => Promise.reject(new Error('There are no secrets here.')),
    turn: () => Promise.resolve(),
  };
  const given = { url, record_path: '$.data', allow_private: true, pagination: { type: 'page' } };
  const source = openSource(api, api.options.parse(given), context);
  const survey = await source.survey();
  const found = await source.partitions(survey, { wholeBytesMax: 2 ** 30, cutBytes: 2 ** 27 });
  let from = 'first' in found ? found.first : undefined;
  for (let index = 0; from !== undefined; index += 1) from = (await source.land(survey, index, from)).next;
}

async function main(): Promise<void> {
  const server = fork(__filename, ['serve']);
  const [port] = (await once(server, 'message')) as [number];
  const best: Record<string, number> = {};
  for (let pass = 0; pass < REPEAT; pass += 1)
    for (const [name, work] of Object.entries({ bareLoop, landPages })) {
      const dir = await mkdtemp(join(process.env['BENCH_DIR'] ?? tmpdir(), 'flexetl-bench-'));
      const startMs = performance.now();
      await work(`http://127.0.0.1:${port}/`, dir);
      best[name] = Math.min(best[name] ?? Infinity, performance.now() - startMs);
      await rm(dir, { recursive: true });
    }
  server.disconnect();
  const { bareLoop: bare = 0, landPages: landed = 0 } = best;
  process.stdout.write(
    `bare loop ${Math.round(bare)} ms, FlexETL ${Math.round(landed)} ms: ${(landed / bare).toFixed(2)} ×\n`,
  );
}

void (process.argv[2] === 'serve' ? serve() : main());
