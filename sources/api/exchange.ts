/** One exchange with a server: a request, its redirects, and a body that is read whole, within bounds. */
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { Agent, Dispatcher } from 'undici';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { AddressGuard } from './addresses';
import { shownUrl, unreachable, unreadable, type Place } from './failures';
import type { ApiRequest } from './request';

export interface Reply {
  status: number;
  headers: Dispatcher.ResponseData['headers'];
  /** Where it came from, after redirects. */
  url: URL;
  text: string;
}

/** What requests to one service have in common. */
export interface Connection {
  agent: Promise<Agent>;
  guard: AddressGuard;
  timeoutMs: number;
  signal: AbortSignal;
  /** The origin that gets the headers of the request, and its authorisation; no other does. */
  home: string;
}

/** Loaded only by those who use it: undici takes 60 ms. */
const loadUndici = () => import('undici');

export async function openAgent({ lookup }: AddressGuard): Promise<Agent> {
  const { Agent } = await loadUndici();
  return new Agent({ connect: { lookup }, maxResponseSize: LIMITS.apiBodyBytesMax, pipelining: 1 });
}

/**
 * @throws FlexetlError SOURCE_UNREACHABLE for what may pass, SOURCE_UNREADABLE, ADDRESS_REFUSED
 */
export async function exchange(asked: ApiRequest, connection: Connection, place: Place): Promise<Reply> {
  const { signal, timeoutMs } = connection;
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    return await follow(asked, { ...connection, signal: AbortSignal.any([signal, deadline]) }, place);
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) throw unreachable(place, `no complete answer within ${timeoutMs / 1000} s`, error);
    throw explain(error, place);
  }
}

async function follow(asked: ApiRequest, connection: Connection, place: Place): Promise<Reply> {
  let { url, method, body } = asked;
  const { request: send } = await loadUndici();
  for (let hops = 0; ; hops += 1) {
    connection.guard.assertAllowed(url);
    const response = await send(url, {
      dispatcher: await connection.agent,
      method,
      headers: {
        ...(url.origin === connection.home ? asked.headers : publicHeaders(asked.headers)),
        ...ENCODINGS,
      },
      body: body ?? null,
      signal: connection.signal,
    });
    const { statusCode: status, headers } = response;
    const { location } = headers;
    if (![301, 302, 303, 307, 308].includes(status) || typeof location !== 'string')
      return { status, headers, url, text: await readText(response, place) };
    await response.body.dump();
    if (hops >= LIMITS.apiRedirectsMax)
      throw unreadable(
        place,
        `more than ${LIMITS.apiRedirectsMax} redirects`,
        'Name the final address as url.',
      );
    const from = url;
    url = redirected(location, from, place);
    // As browsers do: only 307 and 308 keep the method.
    if (status === 303 || (method === 'POST' && status < 303)) [method, body] = ['GET', undefined];
    // A body may be a secret too, as that of a request for a token.
    if (body !== undefined && url.origin !== from.origin) throw notFollowed(place, url);
  }
}

const ENCODINGS = { 'accept-encoding': 'gzip, deflate, br' };

/** What another origin may see of a request: its headers may be secrets. */
function publicHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const harmless = ['accept', 'content-type', 'user-agent'];
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => harmless.includes(name.toLowerCase())),
  );
}

function redirected(location: string, from: URL, place: Place): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !(from.protocol === 'https:' && url.protocol === 'http:'))
    return url;
  throw notFollowed(place, url);
}

function notFollowed(place: Place, url: URL | undefined): FlexetlError {
  const where = url ? ` to ${shownUrl(url.href)}` : '';
  return unreadable(place, `a redirect${where}, which is not followed`, 'Name the final address as url.');
}

async function readText({ headers, body }: Dispatcher.ResponseData, place: Place): Promise<string> {
  let bytes = Buffer.from(await body.arrayBuffer());
  const coding = String(headers['content-encoding'] ?? '').toLowerCase();
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const unpack = isGzip ? UNPACK.gzip : coding === 'deflate' || coding === 'br' ? UNPACK[coding] : undefined;
  if (unpack && bytes.length > 0) bytes = await unpack(bytes, { maxOutputLength: LIMITS.apiBodyBytesMax });
  return decode(bytes, String(headers['content-type'] ?? ''), place);
}

const UNPACK = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const;

/** JSON is UTF-8, whatever a header says of it; only what is not UTF-8 is read as the header says. */
function decode(bytes: Buffer, contentType: string, place: Place): string {
  const [, charset] = /charset="?([\w.:-]+)/i.exec(contentType) ?? [];
  const labels = /^utf-?16/i.test(charset ?? '') ? [charset] : ['utf-8', charset];
  for (const label of labels) {
    try {
      if (label !== undefined) return new TextDecoder(label, { fatal: true }).decode(bytes);
    } catch {
      // Not of this encoding, or one that nobody knows.
    }
  }
  if (endsInCharacter(bytes)) throw unreachable(place, 'a body that ends within a character');
  const said = charset === undefined ? 'no charset' : `charset ${charset}`;
  throw unreadable(
    place,
    `the body is not UTF-8 text, and its header says ${said}`,
    'Ask the service for UTF-8.',
  );
}

/** UTF-8 but for its last character, of which bytes are missing. */
function endsInCharacter(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Errors of undici, of the system and of zlib. */
function explain(error: unknown, place: Place): FlexetlError {
  for (let one: unknown = error; one instanceof Error; one = one.cause)
    if (one instanceof FlexetlError) return one;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || code === 'ERR_BUFFER_TOO_LARGE')
    return unreadable(
      place,
      `a body of more than ${LIMITS.apiBodyBytesMax / 1024 / 1024} MB`,
      'Ask for smaller pages.',
      error,
    );
  if (/CERT|SELF_SIGNED|ERR_TLS|ERR_SSL/.test(code))
    return unreadable(
      place,
      `its certificate is not accepted: ${messageOf(error)}`,
      'Check the certificate.',
      error,
    );
  return unreachable(place, PROBLEMS[code] ?? `no complete answer (${code || messageOf(error)})`, error);
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody answers at this address (ECONNREFUSED)',
  ENOTFOUND: 'there is no such host (ENOTFOUND)',
};
