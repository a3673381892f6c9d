/** The api source by a cursor: the bounds in its requests, and rows that move between two pages. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { makeFolder } from '../support/folder';
import { readTable } from '../support/project';
import { runPipeline } from '../support/run-case';

let server: Server | undefined;
afterEach(() => server?.close());

it('loads what is new of an API whose rows move while its pages are read, each version once', async () => {
  const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
  let rows = [1, 2, 3, 4, 5, 6].map((id) => ({ id, at: at(id) }));
  const asked: string[] = [];
  const api = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://x');
    const start = searchParams.get('since') ?? '';
    asked.push(start.slice(-3));
    const page = Number(searchParams.get('page'));
    const found = rows
      .filter((row) => row.at >= start && row.at <= (searchParams.get('until') ?? ''))
      .sort((a, b) => (a.at < b.at ? -1 : 1));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ data: found.slice(page * 2 - 2, page * 2) }));
    // Behind the page that was sent all rows move up: the first one is changed.
    rows = rows.map((row) => (row.id === 1 ? { id: 1, at: at(20) } : row));
  });
  server = api;
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  const dir = makeFolder();
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/rows`;
  writeFileSync(
    join(dir, 'pipeline.yaml'),
    `version: '1.0'
pipeline:
  name: p
  source:
    type: api
    url: ${url}
    allow_private: true
    params: { since: '{start}', until: '{end}' }
    record_path: $.data
    pagination: { type: page, name: page }
    incremental: { cursor: at, initial_value: '2026-01-01T00:00:00Z', order: asc }
  target: { type: sqlite, database: out.db, table: t, mode: append }
`,
  );
  await runPipeline(dir, 'pipeline.yaml');
  expect(asked.slice(0, 2)).toEqual(['00Z', '02Z']);
  rows.push({ id: 7, at: at(20) });
  await runPipeline(dir, 'pipeline.yaml');
  const loaded = readTable(join(dir, 'out.db'), 't')?.map(([id, time]) => `${id}@${Number(time?.slice(17))}`);
  expect(loaded?.sort()).toEqual(['1@1', '1@20', '2@2', '3@3', '4@4', '5@5', '6@6', '7@20']);
});
