/** Forty and more ways in which an API goes wrong, and how a pipeline is told to read it. */
import { gzipSync } from 'node:zlib';
import {
  ITEMS,
  itemsOf,
  pageOf,
  pageText,
  sendPage,
  sendText,
  SIZE,
  type Behaviour,
  type Exchange,
  type JsonPage,
} from './loopback-api';

export interface Misbehaviour {
  /** In words, for the table. */
  what: string;
  serve: Behaviour;
  /** Options of the source beside url, record_path and allow_private. */
  options: Record<string, unknown>;
}

const BY_PAGE = { pagination: { type: 'page' } };
const BY_TOTAL = { pagination: { type: 'page', stop: { total_path: '$.total' } } };
const BY_OFFSET = { pagination: { type: 'offset', size: SIZE, size_name: 'limit' } };
const BY_CURSOR = { pagination: { type: 'cursor', name: 'cursor', from: '$.next' } };
const BY_URL = { pagination: { type: 'next_url', from: '$.next' } };
const BY_LINK = { pagination: { type: 'link_header' } };

const TOTAL = ITEMS.length;

/** A page as it should be. */
function goodPage(exchange: Exchange, change: Partial<JsonPage> = {}): void {
  sendPage(exchange, { items: itemsOf(pageOf(exchange)), ...change });
}

/** A good page, but on the second one what is given. */
const onPage2 =
  (serve: Behaviour): Behaviour =>
  (exchange) =>
    pageOf(exchange) === 2 ? serve(exchange) : goodPage(exchange);

/** The same only the first time. */
const onceOnPage2 = (serve: Behaviour): Behaviour =>
  onPage2((exchange) => (exchange.times === 0 ? serve(exchange) : goodPage(exchange)));

const status =
  (code: number, headers: Record<string, string> = {}, text = '{"error":"no"}'): Behaviour =>
  (exchange) =>
    sendText(exchange, text, headers, code);

const text =
  (body: string | Buffer, headers: Record<string, string | number> = {}): Behaviour =>
  (exchange) =>
    sendText(exchange, body, headers);

const PAGE_2 = pageText({ items: itemsOf(2) });

/** The start of a body, and then the connection is cut. */
const cut: Behaviour = ({ response }) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write(PAGE_2.slice(0, 300), () => response.destroy());
};

const reset: Behaviour = ({ request }) => void request.socket.resetAndDestroy();

/** Pages by a cursor that is the number of the next page. */
function cursorPage(exchange: Exchange, nextOf: (page: number) => unknown): void {
  const page = Number(exchange.url.searchParams.get('cursor') ?? 1);
  sendPage(exchange, { items: itemsOf(page), next: nextOf(page) });
}

function offsetPage(exchange: Exchange, count: number, all: readonly string[] = ITEMS): void {
  const offset = Number(exchange.url.searchParams.get('offset'));
  sendPage(exchange, { items: all.slice(offset, offset + count) });
}

const HTML = '<!DOCTYPE html><html><head><title>Sign in</title></head></html>';
const NEW_ITEM = ITEMS[0]!.replace(/"id":\d+/, '"id":1');

export const MISBEHAVIOURS: Readonly<Record<string, Misbehaviour>> = {
  'ignores-page': {
    what: 'gives the first page whatever is asked for',
    serve: (exchange) => sendPage(exchange, { items: itemsOf(1) }),
    options: BY_PAGE,
  },
  'loop-of-two': {
    what: 'gives pages 1, 2, 1, 2, …',
    serve: (exchange) => sendPage(exchange, { items: itemsOf(((pageOf(exchange) - 1) % 2) + 1) }),
    options: BY_PAGE,
  },
  'cursor-repeats': {
    what: 'gives the same cursor again',
    serve: (exchange) => cursorPage(exchange, () => '2'),
    options: BY_CURSOR,
  },
  'cursor-loop': {
    what: 'gives cursors that lead in a circle',
    serve: (exchange) => cursorPage(exchange, (page) => String((page % 3) + 1)),
    options: BY_CURSOR,
  },
  'next-url-loop': {
    what: 'gives the address of the page itself as the next one',
    serve: (exchange) => sendPage(exchange, { items: itemsOf(1), next: `${exchange.here}?page=1` }),
    options: BY_URL,
  },
  'link-loop': {
    what: 'gives a Link header that leads back to page 2',
    serve: (exchange) => goodPage(exchange, { headers: { link: `<${exchange.here}?page=2>; rel="next"` } }),
    options: BY_LINK,
  },
  'skips-a-record': {
    what: 'leaves a record out, against its own total',
    serve: (exchange) =>
      goodPage(exchange, { total: TOTAL, ...(pageOf(exchange) === 2 && { items: itemsOf(2).slice(1) }) }),
    options: BY_TOTAL,
  },
  'total-changes': {
    what: 'has another total on the second page',
    serve: (exchange) => goodPage(exchange, { total: TOTAL + pageOf(exchange) }),
    options: BY_TOTAL,
  },
  'total-too-small': {
    what: 'has a total that is too small',
    serve: (exchange) => goodPage(exchange, { total: 15 }),
    options: BY_TOTAL,
  },
  'total-too-large': {
    what: 'has a total that is too large, and then empty pages',
    serve: (exchange) => goodPage(exchange, { total: 40 }),
    options: BY_TOTAL,
  },
  'total-missing': {
    what: 'has no total on the second page',
    serve: (exchange) => goodPage(exchange, pageOf(exchange) === 2 ? {} : { total: TOTAL }),
    options: BY_TOTAL,
  },
  'total-as-text': {
    what: 'writes its total in quotes',
    serve: (exchange) => goodPage(exchange, { total: String(TOTAL) }),
    options: BY_TOTAL,
  },
  'error-document': {
    what: 'answers the second page with status 200 and an error document',
    serve: onPage2(text('{"error":{"message":"internal"}}')),
    options: BY_PAGE,
  },
  'null-list': {
    what: 'answers the second page with status 200, errors, and null in place of the list',
    serve: onPage2(text('{"data":null,"errors":["timeout"]}')),
    options: BY_PAGE,
  },
  'html-page': {
    what: 'answers the second page with a web page and status 200',
    serve: onPage2(text(HTML, { 'content-type': 'text/html' })),
    options: BY_PAGE,
  },
  'login-redirect': {
    what: 'redirects the second page to a sign-in page',
    serve: (exchange) =>
      exchange.url.pathname.endsWith('/login')
        ? sendText(exchange, HTML, { 'content-type': 'text/html' })
        : onPage2(status(302, { location: '/login-redirect/login' }))(exchange),
    options: BY_PAGE,
  },
  'empty-body': {
    what: 'answers the second page with status 200 and nothing',
    serve: onPage2(text('')),
    options: BY_PAGE,
  },
  'no-content-at-end': {
    what: 'answers 204 after the last page',
    serve: (exchange) => (pageOf(exchange) > 3 ? status(204)(exchange) : goodPage(exchange)),
    options: BY_PAGE,
  },
  'error-500-once': { what: 'answers 500 once', serve: onceOnPage2(status(500)), options: BY_PAGE },
  'error-500-forever': {
    what: 'answers 500 for ever',
    serve: onPage2(status(500)),
    options: BY_PAGE,
  },
  'html-502-once': {
    what: 'answers 502 with a web page once, as gateways do',
    serve: onceOnPage2(status(502, { 'content-type': 'text/html' }, HTML)),
    options: BY_PAGE,
  },
  'busy-once': {
    what: 'answers 429 with Retry-After: 0 once',
    serve: onceOnPage2(status(429, { 'retry-after': '0' })),
    options: BY_PAGE,
  },
  'busy-clock-skew': {
    what: 'answers 429 with a Retry-After date, by a clock that is two days ahead',
    serve: onceOnPage2((exchange) => {
      const date = new Date(Date.now() + 48 * 3_600_000).toUTCString();
      void status(429, { date, 'retry-after': date })(exchange);
    }),
    options: BY_PAGE,
  },
  'busy-for-an-hour': {
    what: 'answers 429 with Retry-After: 3600',
    serve: onPage2(status(429, { 'retry-after': '3600' })),
    options: BY_PAGE,
  },
  'busy-forever': { what: 'answers 429 for ever', serve: onPage2(status(429)), options: BY_PAGE },
  'token-expires': {
    what: 'answers 401 in the middle, as the token has expired',
    serve: (exchange) => {
      if (exchange.url.pathname.endsWith('/token'))
        return sendText(exchange, `{"access_token":"token ${exchange.count}","expires_in":3600}`);
      const isNew = exchange.request.headers.authorization !== 'Bearer token 0';
      return pageOf(exchange) === 1 || isNew ? goodPage(exchange) : status(401)(exchange);
    },
    options: {
      ...BY_PAGE,
      auth: { type: 'oauth2_client_credentials', client_id: 'me', client_secret_env: 'SECRET' },
    },
  },
  'unauthorised-forever': {
    what: 'answers 401 for ever in the middle',
    serve: onPage2(status(401)),
    options: { ...BY_PAGE, auth: { type: 'bearer', token_env: 'SECRET' } },
  },
  forbidden: { what: 'answers 403 in the middle', serve: onPage2(status(403)), options: BY_PAGE },
  'not-found': { what: 'answers 404 in the middle', serve: onPage2(status(404)), options: BY_PAGE },
  'half-a-body-once': {
    what: 'cuts the connection in a body, once',
    serve: onceOnPage2(cut),
    options: BY_PAGE,
  },
  'half-a-body-forever': {
    what: 'cuts the connection in a body, for ever',
    serve: onPage2(cut),
    options: BY_PAGE,
  },
  'half-a-document': {
    what: 'ends a body early, as if it were whole',
    serve: onPage2(text(PAGE_2.slice(0, 300))),
    options: BY_PAGE,
  },
  'length-too-long': {
    what: 'says a content length that is too long',
    serve: onPage2(({ response }) => {
      response.writeHead(200, { 'content-length': Buffer.byteLength(PAGE_2) + 100 });
      response.write(PAGE_2, () => setTimeout(() => response.destroy(), 20));
    }),
    options: BY_PAGE,
  },
  'length-too-short': {
    what: 'says a content length that is too short',
    serve: onPage2(({ request }) => {
      const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 300\r\n\r\n';
      request.socket.end(head + PAGE_2);
    }),
    options: BY_PAGE,
  },
  'reset-once': { what: 'resets the connection once', serve: onceOnPage2(reset), options: BY_PAGE },
  'reset-forever': { what: 'resets the connection for ever', serve: onPage2(reset), options: BY_PAGE },
  'slow-drip': {
    what: 'sends a byte from time to time, without an end',
    serve: onPage2(({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    }),
    options: { ...BY_PAGE, timeout_seconds: 3 },
  },
  'no-answer': {
    what: 'never answers',
    serve: onPage2(() => undefined),
    options: { ...BY_PAGE, timeout_seconds: 3 },
  },
  'moved-items': {
    what: 'gets a new record on top between two pages',
    serve: (exchange) =>
      goodPage(
        exchange,
        exchange.count > 0 ? { items: itemsOf(pageOf(exchange), [NEW_ITEM, ...ITEMS]) } : {},
      ),
    options: BY_PAGE,
  },
  'deleted-item': {
    what: 'loses a record between two pages, and its total shows it',
    serve: (exchange) => {
      const all = exchange.count > 0 ? ITEMS.slice(1) : ITEMS;
      goodPage(exchange, { items: itemsOf(pageOf(exchange), all), total: all.length });
    },
    options: BY_TOTAL,
  },
  'empty-last-page': {
    what: 'has an empty page after the last one',
    serve: (exchange) => goodPage(exchange),
    options: BY_PAGE,
  },
  'duplicate-last-page': {
    what: 'gives the last page again and again',
    serve: (exchange) => sendPage(exchange, { items: itemsOf(Math.min(3, pageOf(exchange))) }),
    options: BY_PAGE,
  },
  'empty-page-with-cursor': {
    what: 'has an empty page with a cursor in the middle',
    serve: (exchange) => {
      const page = Number(exchange.url.searchParams.get('cursor') ?? 1);
      const items = page === 2 ? [] : itemsOf(page > 2 ? page - 1 : page);
      sendPage(exchange, { items, next: page < 4 ? page + 1 : null });
    },
    options: BY_CURSOR,
  },
  'short-pages': {
    what: 'gives fewer records than it was asked for',
    serve: (exchange) => offsetPage(exchange, 7),
    options: BY_OFFSET,
  },
  'large-cursor': {
    what: 'has numbers beyond 2^53 as cursors',
    serve: (exchange) => {
      const cursor = exchange.url.searchParams.get('cursor');
      const page = cursor === null ? 1 : Number(BigInt(cursor) - 9007199254740990n);
      if (page < 1 || page > 3) return status(400)(exchange);
      return sendPage(exchange, {
        items: itemsOf(page),
        next: page < 3 ? 9007199254740991n + BigInt(page) : null,
      });
    },
    options: BY_CURSOR,
  },
  'gzip-bomb': {
    what: 'sends a gzip body that unpacks to a gigabyte',
    serve: onPage2((exchange) => sendText(exchange, bomb(), { 'content-encoding': 'gzip' })),
    options: BY_PAGE,
  },
  'gzip-cut': {
    what: 'sends half of a gzip body',
    serve: onPage2(text(gzipSync(PAGE_2).subarray(0, 100), { 'content-encoding': 'gzip' })),
    options: BY_PAGE,
  },
  'gzip-unannounced': {
    what: 'sends a gzip body without a header that says so',
    serve: onPage2(text(gzipSync(PAGE_2))),
    options: BY_PAGE,
  },
  'redirect-loop': {
    what: 'redirects in a circle',
    serve: onPage2((exchange) => status(302, { location: exchange.request.url ?? '' })(exchange)),
    options: BY_PAGE,
  },
  'redirect-to-metadata': {
    what: 'redirects to the metadata service of a cloud',
    serve: onPage2(status(302, { location: 'http://169.254.169.254/latest/meta-data/' })),
    options: BY_PAGE,
  },
  'next-url-to-metadata': {
    what: 'gives the metadata service of a cloud as the next page',
    serve: (exchange) => goodPage(exchange, { next: 'http://[fe80::1]/latest/' }),
    options: BY_URL,
  },
  'huge-body': {
    what: 'sends a body without an end',
    serve: onPage2(({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const block = Buffer.alloc(1024 * 1024, ' ');
      const more = (): void => {
        while (!response.destroyed && response.write(block));
      };
      response.on('drain', more);
      more();
    }),
    options: BY_PAGE,
  },
  'wrong-charset': {
    what: 'says UTF-8 and sends Latin-1',
    serve: onPage2(
      text(Buffer.from(PAGE_2, 'latin1'), { 'content-type': 'application/json; charset=utf-8' }),
    ),
    options: BY_PAGE,
  },
  'charset-of-old': {
    what: 'says Latin-1 and sends UTF-8',
    serve: onPage2(text(PAGE_2, { 'content-type': 'application/json; charset=iso-8859-1' })),
    options: BY_PAGE,
  },
  'byte-order-mark': {
    what: 'begins a body with a byte order mark',
    serve: onPage2(text(`\ufeff${PAGE_2}`)),
    options: BY_PAGE,
  },
  'duplicate-keys': {
    what: 'sends a record with a key twice',
    serve: onPage2(text(PAGE_2.replace('"price"', '"id":5,"price"'))),
    options: BY_PAGE,
  },
  'duplicate-list': {
    what: 'sends a body with two lists under one key',
    serve: onPage2(text(PAGE_2.replace('{"data"', '{"data":[],"data"'))),
    options: BY_PAGE,
  },
  'not-a-number': { what: 'sends NaN', serve: onPage2(text(PAGE_2.replace('.10', 'NaN'))), options: BY_PAGE },
  'new-column': {
    what: 'sends a key that the first page does not have',
    serve: onPage2(text(PAGE_2.replace('"price"', '"extra":1,"price"'))),
    options: BY_PAGE,
  },
  'other-things': {
    what: 'sends numbers in place of records',
    serve: onPage2(text('{"data":[1,2,3]}')),
    options: BY_PAGE,
  },
};

let packed: Buffer | undefined;
/** A gigabyte of blanks in 1 MB: 16 members of 64 MB. */
function bomb(): Buffer {
  packed ??= gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '), { level: 6 });
  return Buffer.concat(Array.from({ length: 16 }, () => packed as Buffer));
}
