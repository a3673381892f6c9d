/** Whole runs of the api source, through the engine into SQLite. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ITEMS,
  itemsOf,
  pageOf,
  sendPage,
  sendText,
  startApi,
  type Behaviour,
} from '../support/api/loopback-api';
import { makeFolder } from '../support/folder';
import { readTable } from '../support/project';
import { runPipeline } from '../support/run-case';
import type { RunState } from '../../workflows/run-state';

async function runApi(
  behaviour: Behaviour,
  more = '',
): Promise<{ state: RunState; rows?: (string | null)[][] }> {
  const dir = makeFolder();
  const server = await startApi({ items: behaviour });
  try {
    writeFileSync(
      join(dir, 'pipeline.yaml'),
      `version: '1.0'
pipeline:
  name: p
  source:
    type: api
    url: ${server.urlOf('items')}
    record_path: $.data
    allow_private: true
    pagination: { type: page }
  targets: [{ type: sqlite, database: out.db, table: t }]
${more}`,
    );
    const state = await runPipeline(dir);
    const rows = readTable(join(dir, 'out.db'), 't');
    return { state, ...(rows && { rows }) };
  } finally {
    await server.close();
  }
}

it('loads exact numbers, and numbers in quotes as text', async () => {
  const { state, rows } = await runApi((one) => sendPage(one, { items: itemsOf(pageOf(one)) }));
  expect(state.read).toBe(ITEMS.length);
  expect(rows?.slice(0, 2)).toEqual([
    ['9007199254740993', '0.1', '000', 'Ünit "0"', '[1.0,{"k":null}]'],
    ['9007199254740994', '1.1', '001', 'Ünit "1"', '[1.0,{"k":null}]'],
  ]);
});

it('makes a column text where a later page has a number in quotes, whatever the order of the pages', async () => {
  const pages = ['{"id":1,"code":7}', '{"id":2,"code":"7"}'];
  for (const order of [pages, pages.toReversed()]) {
    const { rows } = await runApi(
      (one) => sendPage(one, { items: order.slice(pageOf(one) - 1, pageOf(one)) }),
      'scalability: { processing: { chunk_size: 1 } }\n',
    );
    expect(rows?.map(([, code]) => code)).toEqual(['7', '7']);
  }
});

it('loads nothing where a record is a reject, and names its page', async () => {
  const bad = sendBad();
  await expect(runApi(bad)).rejects.toMatchObject({
    code: 'RECORDS_REJECTED',
    places: [
      expect.objectContaining({ file: 'api page 2', record: 1, reason: 'the key "id" is there twice' }),
    ],
  });
});

function sendBad(): Behaviour {
  return (one) =>
    pageOf(one) === 2
      ? sendText(one, '{"data":[{"id":1,"id":2}]}')
      : sendPage(one, { items: pageOf(one) > 2 ? [] : ['{"id":1}'] });
}

it('runs the example of the docs, with a token and cursors', async () => {
  const docs = readFileSync(join(__dirname, '../../docs/sources/api.md'), 'utf8');
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(docs) ?? [];
  const server = await startApi({
    orders(one) {
      const isAllowed = one.request.headers.authorization === 'Bearer let-me-in';
      const isPaid = one.url.searchParams.get('status') === 'paid';
      if (!isAllowed || !isPaid) return sendText(one, '{}', {}, 401);
      const page = Number(one.url.searchParams.get('after') ?? 1);
      const after = page < 3 ? page + 1 : null;
      sendText(one, `{"data":[${itemsOf(page).join(',')}],"paging":{"next":${after}}}`);
    },
  });
  const dir = makeFolder();
  try {
    // The address is the only change, and that it is a private one.
    const url = 'url: https://shop.example.com/v1/orders';
    expect(example).toContain(url);
    writeFileSync(
      join(dir, 'pipeline.yaml'),
      example.replace(url, `url: ${server.urlOf('orders')}\n    allow_private: true`),
    );
    const state = await runPipeline(dir, 'pipeline.yaml', { env: { SHOP_TOKEN: 'let-me-in' } });
    expect(state.read).toBe(ITEMS.length);
    expect(readTable(join(dir, 'output/orders.db'), 'orders')).toHaveLength(ITEMS.length);
  } finally {
    await server.close();
  }
});
