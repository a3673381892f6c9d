import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsePipelineText } from '../../pipeline/config/parse';
import { openSandbox } from '../support/source-sandbox';
import { apiOptions } from '../../sources/api/options';
import { PLUGINS as plugins } from '../../worker/plugins';
import { readApi, SECRETS } from '../support/api/read-api';
import {
  ITEMS,
  itemsOf,
  pageOf,
  pageText,
  sendPage,
  sendText,
  startApi,
  type Behaviour,
  type Exchange,
  type LoopbackApi,
} from '../support/api/loopback-api';

const root = openSandbox();
let server: LoopbackApi | undefined;
afterEach(() => server?.close());

/** Starts a server that answers everything alike, and gives its url. */
async function serve(behaviour: Behaviour, path = ''): Promise<string> {
  server = await startApi({ api: behaviour });
  return server.urlOf(`api${path}`);
}
const read = (options: Record<string, unknown>) =>
  readApi(root.freshRun(), { record_path: '$.data', ...options });
const idsOf = ({ columns, rows }: Awaited<ReturnType<typeof read>>, name = 'id') =>
  rows.map((row) => row?.[columns.indexOf(name)]);
const IDS = ITEMS.map((item) => /"id":(\d+)/.exec(item)?.[1]);
const asked = (): string[] => (server?.requests ?? []).map(({ path }) => path);

/** Pages by a token that the client must send back as it was: JSON. */
const byToken =
  (tokenOf: (exchange: Exchange) => unknown, header?: string): Behaviour =>
  (exchange) => {
    const token = tokenOf(exchange);
    const page = token === undefined || token === null ? 1 : Number(BigInt(String(token)) - 2n ** 60n);
    const next = page < 3 ? 2n ** 60n + BigInt(page + 1) : undefined;
    const headers = next && header ? { [header]: String(next) } : {};
    sendPage(exchange, { items: itemsOf(page), headers, ...(!header && { next: next ?? null }) });
  };

describe('pages of an API', () => {
  const cursor = (more: object): Record<string, unknown> => ({
    pagination: { type: 'cursor', from: '$.next', ...more },
  });
  it.each<[string, Behaviour, Record<string, unknown>]>([
    ['a page', (one) => sendPage(one, { items: itemsOf(pageOf(one)) }), { pagination: { type: 'page' } }],
    [
      'an offset in a header, and its size',
      (one) => {
        const { 'x-offset': offset, 'x-limit': limit } = one.request.headers;
        const [from, count] = [Number(offset), Number(limit)];
        sendPage(one, { items: ITEMS.slice(from, from + count), total: ITEMS.length });
      },
      {
        pagination: {
          type: 'offset',
          in: 'header',
          name: 'X-Offset',
          size: 7,
          size_name: 'X-Limit',
          stop: { total_path: '$.total' },
        },
      },
    ],
    [
      'a page in the path',
      (one) => sendPage(one, { items: itemsOf(Number(one.url.pathname.split('/').at(-1))) }),
      { url: '/pages/{n}', pagination: { type: 'page', in: 'path', name: 'n' } },
    ],
    ['a cursor in the query', byToken(({ url }) => url.searchParams.get('c')), cursor({ name: 'c' })],
    [
      'a cursor in a header',
      byToken(({ request }) => request.headers['x-c']),
      cursor({ in: 'header', name: 'X-C' }),
    ],
    [
      'a cursor in the body, a number with all its digits',
      byToken(({ body }) => /"after":(\d+)/.exec(body)?.[1]),
      { ...cursor({ in: 'body', name: 'paging.after' }), method: 'POST', body: { paging: { size: 10 } } },
    ],
    [
      'a cursor of a header of the response',
      byToken(({ url }) => url.searchParams.get('c'), 'x-next'),
      cursor({ name: 'c', from: 'header:X-Next' }),
    ],
    [
      'the last record',
      (one) => {
        const after = one.url.searchParams.get('after_id');
        const from = after === null ? 0 : IDS.indexOf(after) + 1;
        sendPage(one, { items: ITEMS.slice(from, from + 10) });
      },
      {
        pagination: {
          type: 'cursor',
          name: 'after_id',
          from: 'last_record:$.id',
          stop: { empty_page: true },
        },
      },
    ],
    [
      'a Link header',
      (one) => {
        const next = `<?page=${pageOf(one) + 1}&sort=id>; rel="next", </>; rel="first"`;
        sendPage(one, { items: itemsOf(pageOf(one)), ...(pageOf(one) < 3 && { headers: { link: next } }) });
      },
      { pagination: { type: 'link_header' } },
    ],
    [
      'the address of the next page',
      (one) =>
        sendPage(one, {
          items: itemsOf(pageOf(one)),
          next: pageOf(one) < 3 ? `?page=${pageOf(one) + 1}` : null,
        }),
      { pagination: { type: 'next_url', from: '$.next' } },
    ],
  ])('follow each other by %s', async (_title, behaviour, { url = '', ...options }) => {
    const address = await serve(behaviour, url as string);
    expect(idsOf(await read({ url: address, ...options }))).toEqual(IDS);
  });

  it('are those of each entry of a list, which is read once and goes on where it was', async () => {
    let fails = true;
    const address = await serve((one) => {
      const [, order] = /\/orders\/(.+)\/lines/.exec(decodeURIComponent(one.url.pathname)) ?? [];
      if (order === undefined)
        return sendPage(one, {
          items: ['{"id":9007199254740993}', '{"id":"a b/c"}', '{"id":9007199254740993}', '{"id":"none"}'],
        });
      if (order === 'none') return sendText(one, '{}', {}, 404);
      if (order === 'a b/c' && fails) return sendText(one, '{}', {}, 403);
      return sendPage(one, { items: pageOf(one) > 2 ? [] : [`{"line":"${order} ${pageOf(one)}"}`] });
    });
    const options = {
      url: `${address}/orders/{order}/lines`,
      record_path: '$.data',
      for_each: {
        as: 'order',
        column: 'order_id',
        request: { url: `${address}/orders`, record_path: '$.data' },
      },
      response_actions: [{ status: 404, action: 'ignore' }],
      pagination: { type: 'page' },
    };
    const run = root.freshRun();
    await expect(readApi(run, options)).rejects.toMatchObject({
      message: expect.stringContaining('api page 4, entry 2 of for_each'),
    });
    fails = false;
    const { columns, rows } = await readApi(run, options);
    expect([columns, rows]).toEqual([
      ['order_id', 'line'],
      [
        ['9007199254740993', '9007199254740993 1'],
        ['9007199254740993', '9007199254740993 2'],
        ['a b/c', 'a b/c 1'],
        ['a b/c', 'a b/c 2'],
      ],
    ]);
    expect(asked().filter((path) => path.endsWith('/orders'))).toHaveLength(1);
    expect(asked().filter((path) => path.includes('9007199254740993'))).toHaveLength(3);
  });

  it.each(['', '.', '..'])('of %j in the path would be another address, and are refused', async (value) => {
    const url = await serve((one) => sendText(one, '[{"a":1}]'));
    const forEach = { as: 'p', values: ['x', value] };
    const run = (address: string) =>
      readApi(root.freshRun(), { url: address, for_each: forEach, record_path: '$' });
    for (const path of ['{p}', '{p}/lines', 'x/{p}?q={p}'])
      await expect(run(`${url}/${path}`)).rejects.toMatchObject({
        code: 'SOURCE_UNREADABLE',
        message: expect.stringMatching(
          `^api page 2, entry 2 of for_each .*: {p} in the path of the url is "${value.replaceAll('.', '\\.')}"`,
        ),
      });
    expect(asked()).toEqual(['/api/x', '/api/x/lines', '/api/x/x?q=x']);
    expect((await run(`${url}/lines?q={p}`)).rows).toHaveLength(2);
  });

  it('with a cursor in the path that would be another address are refused', async () => {
    const url = await serve((one) => sendPage(one, { items: ['{"a":1}'], next: '..' }), '/{c}/lines');
    const pagination = { type: 'cursor', in: 'path', name: 'c', from: '$.next', start: 'a' };
    await expect(read({ url, pagination })).rejects.toMatchObject({
      message: expect.stringContaining('api page 2'),
      code: 'SOURCE_UNREADABLE',
    });
    expect(asked()).toEqual(['/api/a/lines']);
  });

  it('have the columns that are named, whatever the first page has', async () => {
    const url = await serve((one) => sendText(one, '[{"b":1.0,"x":{}},{"a":"7"}]'));
    expect(await readApi(root.freshRun(), { url, columns: ['a', 'b'] })).toEqual({
      columns: ['a', 'b'],
      rows: [
        [null, '1.0'],
        ['7', null],
      ],
    });
  });

  it.each([
    ['ndjson', '{"a":0.10}\r\n\n{"a":1e400}\n', [['0.10'], ['1e400']]],
    [
      'csv',
      '\ufeffa,b\n0.10,"x ""y"", z"\n007,\n',
      [
        ['0.10', 'x "y", z'],
        ['007', null],
      ],
    ],
  ])('may be %s', async (format, text, rows) => {
    const url = await serve((one) => sendText(one, text, { 'content-type': 'text/plain' }));
    expect((await readApi(root.freshRun(), { url, format })).rows).toEqual(rows);
  });
});

describe('responses', () => {
  it('mean what response_actions say, the first that fits', async () => {
    const url = await serve((one) =>
      one.count === 0
        ? sendText(one, '{"ok":false,"why":"slow down"}')
        : sendText(one, pageText({ items: itemsOf(1) })),
    );
    const actions = [
      { contains: 'slow down', action: 'retry' },
      { status: [200, 201], contains: '"ok":false', action: 'fail' },
    ];
    expect((await read({ url, response_actions: actions })).rows).toHaveLength(10);
    server?.reset();
    const failing = read({ url, response_actions: actions.slice(1) });
    // What a response of 200 holds may be rows: it is not shown.
    await expect(failing).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: /status 200 \(OK\)\.$/,
    });
  });

  it('that ask to wait for long end the step with the time that it must wait', async () => {
    const url = await serve((one) => sendText(one, '{}', { 'retry-after': '90' }, 503));
    await expect(read({ url })).rejects.toMatchObject({
      code: 'SOURCE_BUSY',
      details: { retry_after_ms: 90_000 },
    });
    expect(asked()).toHaveLength(1);
  });
});

describe('credentials', () => {
  const auths: [string, object, (request: LoopbackApi['requests'][number]) => string | undefined, string][] =
    [
      [
        'bearer',
        { type: 'bearer', token_env: 'TOKEN' },
        ({ headers }) => headers.authorization,
        'Bearer hush-token',
      ],
      [
        'basic',
        { type: 'basic', username: 'me', password: { secret: 'PASSWORD' } },
        ({ headers }) => headers.authorization,
        `Basic ${Buffer.from('me:hush pass/word').toString('base64')}`,
      ],
      [
        'api_key',
        { type: 'api_key', key_env: 'TOKEN' },
        ({ headers }) => headers['x-api-key'] as string,
        'hush-token',
      ],
      [
        'api_key',
        { type: 'api_key', in: 'query', name: 'k', key_env: 'PASSWORD' },
        ({ path }) => path,
        '/api?k=hush+pass%2Fword',
      ],
    ];
  it.each(auths)('of %s %j are sent', async (_type, auth, sent, expected) => {
    const url = await serve((one) => sendPage(one, { items: itemsOf(1) }));
    await read({ url, auth });
    expect(server?.requests.map(sent)).toEqual([expected]);
  });

  it('go to no other origin: not by a redirect, and not by the address of a next page', async () => {
    const other = await startApi({
      other: (one) => sendPage(one, { items: itemsOf(pageOf(one)), next: null }),
    });
    try {
      const url = await serve((one) =>
        pageOf(one) === 1
          ? sendPage(one, { items: itemsOf(1), next: `${other.urlOf('other')}?page=2` })
          : sendText(one, '', { location: other.urlOf('other') }, 302),
      );
      const options = {
        auth: { type: 'bearer', token_env: 'TOKEN' },
        headers: { 'X-Mine': { secret: 'PASSWORD' } },
        pagination: { type: 'next_url', from: '$.next' },
      };
      await read({ url, ...options });
      await read({ url: `${url}?page=3`, ...options });
      expect(other.requests).toHaveLength(2);
      expect(JSON.stringify(other.requests)).not.toMatch(/hush/);
      expect(JSON.stringify(server?.requests)).toMatch(/hush-token.*hush pass/);
    } finally {
      await other.close();
    }
  });

  it('are in no error, in no spelling', async () => {
    const url = await serve((one) => {
      const { authorization = '', 'x-mine': mine = '' } = one.request.headers;
      sendText(one, JSON.stringify({ error: `${one.url.search} ${authorization} ${String(mine)}` }), {}, 403);
    });
    for (const [, auth] of auths) {
      const error = await read({ url, auth, headers: { 'X-Mine': { secret: 'PASSWORD' } } }).catch(
        (one: unknown) => one,
      );
      expect(error).toMatchObject({ code: 'SOURCE_UNREADABLE' });
      const text = String((error as Error).stack);
      for (const secret of [
        ...Object.values(SECRETS),
        'hush+pass',
        'hush%20',
        Buffer.from('me:hush pass/word').toString('base64'),
      ])
        expect(text).not.toContain(secret);
      expect(text).toContain('[secret]');
    }
  });
});

describe('addresses', () => {
  it.each([
    'http://127.0.0.1:9/',
    'http://localhost:9/',
    'http://2130706433:9/',
    'http://[::ffff:10.0.0.1]/',
    'http://169.254.169.254/',
    'http://100.64.0.1/',
  ])('that are not public are refused before a connection: %s', async (url) => {
    await expect(read({ url, allow_private: false })).rejects.toMatchObject({
      code: 'ADDRESS_REFUSED',
      hint: expect.stringContaining('allow_private'),
    });
  });
});

describe('options', () => {
  const problemsOf = (options: object): string[] =>
    apiOptions
      .safeParse({ url: 'https://x.example', ...options })
      .error!.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  it.each<[object, RegExp]>([
    [{ url: 'ftp://x' }, /url: must be a URL/],
    [{ url: 'https://me:pw@x.example' }, /url: must not have a user name/],
    [{ headers: { Authorization: 'Bearer x' } }, /headers\.Authorization: .*never written/],
    [{ auth: { type: 'bearer', token_env: 'my-secret-token' } }, /auth\.token_env: found another text/],
    [{ auth: { type: 'bearer' } }, /auth\.token_env: expected one of/],
    [{ record_path: '$.[' }, /record_path: must be a JSONPath/],
    [{ pagination: { type: 'cursor', name: 'c' } }, /pagination\.from: missing/],
    [{ pagination: { type: 'cursor', name: 'c', from: 'next' } }, /pagination\.from: must be \$\.path/],
    [{ pagination: { type: 'page', in: 'path' } }, /url: must have \{page\}/],
    [
      { pagination: { type: 'page', stop: { empty_page: false } } },
      /stop\.empty_page: .*nothing would end it/,
    ],
    [
      { incremental: { cursor: 'u', initial_value: 0, order: 'asc' } },
      /incremental.order: needs a pagination/,
    ],
    [{ body: {} }, /body: needs method: POST/],
    [{ format: 'csv', record_path: '$.x' }, /record_path: has no meaning/],
    [{ for_each: { as: 'x' } }, /for_each: needs one of/],
  ])('%j is refused', (options, message) => {
    const found = problemsOf(options).join('\n');
    expect(found).toMatch(message);
    expect(found).not.toContain('my-secret-token');
  });

  it('of the example in the docs are valid', () => {
    const docs = readFileSync(join(__dirname, '../../docs/sources/api.md'), 'utf8');
    const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(docs) ?? [];
    const config = parsePipelineText({ text, file: 'configs/orders.yaml', env: {}, plugins });
    expect(config.source).toMatchObject({ type: 'api' });
  });
});
