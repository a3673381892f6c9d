/** An HTTP server on loopback that serves the same records in every way an API may: rightly, or in one of many wrong ways. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const SIZE = 10;

/** 25 records as they are written: their numbers have more digits than a double, and zeros at their end. */
export const ITEMS: readonly string[] = Array.from(
  { length: 25 },
  (_, index) =>
    `{"id":${9007199254740993n + BigInt(index)},"price":${index}.10,"code":"00${index}","name":"Ünit \\"${index}\\"","tags":[1.0,{"k":null}]}`,
);

/** One request, and what a behaviour needs to answer it. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  /** The body of a POST. */
  body: string;
  /** How often this path was asked for with this query before. */
  times: number;
  /** How many requests this behaviour has had before. */
  count: number;
  /** The address of this behaviour, without query. */
  here: string;
}

export type Behaviour = (exchange: Exchange) => void | Promise<void>;

export interface LoopbackApi {
  /** `http://127.0.0.1:port/name`. */
  urlOf(name: string): string;
  /** Method, path with query, and headers, in order. */
  requests: { name: string; path: string; headers: IncomingMessage['headers']; body: string }[];
  /** Forgets what was asked for. */
  reset(): void;
  close(): Promise<void>;
}

export async function startApi(behaviours: Readonly<Record<string, Behaviour>>): Promise<LoopbackApi> {
  const requests: LoopbackApi['requests'] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', base());
    const [, name = ''] = url.pathname.split('/');
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const path = request.url ?? '';
      const before = requests.filter((one) => one.name === name);
      const body = Buffer.concat(chunks).toString();
      requests.push({ name, path, headers: request.headers, body });
      const times = before.filter((one) => one.path === path && one.body === body).length;
      const serve = behaviours[name];
      if (!serve) return void response.writeHead(404).end();
      await serve({ request, response, url, body, times, count: before.length, here: base() + url.pathname });
    })().catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    urlOf: (name) => `${base()}/${name}`,
    requests,
    reset: () => void requests.splice(0),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

export interface JsonPage {
  items: readonly string[];
  total?: unknown;
  next?: unknown;
  headers?: Record<string, string>;
}

/** `{"data": […], "total": …, "next": …}`. */
export function pageText({ items, total, next }: JsonPage): string {
  const rest = [
    ...(total === undefined ? [] : [`"total":${JSON.stringify(total)}`]),
    ...(next === undefined ? [] : [`"next":${typeof next === 'bigint' ? next : JSON.stringify(next)}`]),
  ];
  return `{${[`"data":[${items.join(',')}]`, ...rest].join(',')}}`;
}

export function sendText(
  { response }: Exchange,
  text: string | Buffer,
  headers: Record<string, string | number> = {},
  status = 200,
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}

export function sendPage(exchange: Exchange, page: JsonPage): void {
  sendText(exchange, pageText(page), page.headers);
}

/** The number of the page that is asked for, from 1. */
export const pageOf = ({ url }: Exchange): number => Number(url.searchParams.get('page') ?? 1);

export function itemsOf(page: number, all: readonly string[] = ITEMS): string[] {
  return all.slice((page - 1) * SIZE, page * SIZE);
}
