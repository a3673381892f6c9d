/** A request of the API source: its parts from the options, the place in the list of pages, and an entry of for_each. */
import type { PluginContext } from '../../plugin/context';
import type { SecretName } from '../../plugin/options';
import { unreadable, type Place } from './failures';
import type { ApiParent } from './options';
import { nameIn } from './pagination-options';

/** Where a page is in its list; null: the first one. Cursors are JSON as written, so that numbers keep their digits. */
export type PageAt = { page: number } | { offset: number } | { cursor: string } | { url: string } | null;

export interface ApiRequest {
  method: 'GET' | 'POST';
  url: URL;
  headers: Record<string, string>;
  body?: string;
}

/** The names that are replaced in texts, with their values. */
export type Names = Readonly<Record<string, string>>;

/**
 * A request without its authorisation.
 * @param place of the page, for errors
 * @throws FlexetlError SOURCE_UNREADABLE for a value that cannot stand in the path of the url; SECRET_MISSING
 */
export async function planRequest(
  options: ApiParent,
  at: PageAt,
  names: Names,
  { secret, place: shown }: { secret: PluginContext['secret']; place: Place },
): Promise<ApiRequest> {
  const { pagination, method } = options;
  const token = tokenAt(options, at);
  const place = pagination.in;
  const all =
    place === 'path' && token !== undefined ? { ...names, [nameIn(pagination)]: plain(token) } : names;
  const given = await resolve({ ...options.params }, all, secret);
  const url = urlOf(options.url, all, shown);
  const headers: Record<string, string> = {
    accept: ACCEPT[options.format],
    ...(await resolve(options.headers, all, secret)),
  };
  for (const [name, value] of Object.entries(given)) url.searchParams.set(name, value);
  const added: [string, string][] = token === undefined ? [] : [[nameIn(pagination), token]];
  if (pagination.size_name !== undefined) added.push([pagination.size_name, String(pagination.size)]);
  if (place === 'query') for (const [name, value] of added) url.searchParams.set(name, plain(value));
  if (place === 'header') for (const [name, value] of added) headers[name] = plain(value);
  const request: ApiRequest = { method, url: at && 'url' in at ? new URL(at.url) : url, headers };
  if (method === 'GET') return request;
  const { body } = options;
  request.body =
    typeof body === 'string' ? fill(body, all, String) : bodyOf(body, place === 'body' ? added : [], all);
  if (!Object.keys(headers).some((name) => name.toLowerCase() === 'content-type') && typeof body !== 'string')
    headers['content-type'] = 'application/json';
  return request;
}

const ACCEPT = { json: 'application/json, */*;q=0.5', ndjson: '*/*', csv: 'text/csv, */*;q=0.5' } as const;

/** What the place in the list is called there, as JSON. */
function tokenAt({ pagination: { type, start } }: ApiParent, at: PageAt): string | undefined {
  if (at && 'cursor' in at) return at.cursor;
  if (at && 'page' in at) return String(at.page);
  if (at && 'offset' in at) return String(at.offset);
  if (type === 'page') return String(start ?? 1);
  if (type === 'offset') return String(start ?? 0);
  return type === 'cursor' && start !== undefined ? JSON.stringify(start) : undefined;
}

/** A JSON scalar as it stands in a query. */
function plain(token: string): string {
  return token.startsWith('"') ? (JSON.parse(token) as string) : token;
}

async function resolve(
  values: Readonly<Record<string, string | number | boolean | SecretName>>,
  names: Names,
  secret: PluginContext['secret'],
): Promise<Record<string, string>> {
  const resolved: Record<string, string> = {};
  for (const [name, value] of Object.entries(values))
    resolved[name] =
      typeof value === 'object' ? await secret(value.secret) : fill(String(value), names, String);
  return resolved;
}

/**
 * A URL has no way to write a step of its path that is empty, `.` or `..`, not even as `%2E%2E`: another path would be
 * asked for.
 */
function urlOf(text: string, names: Names, place: Place): URL {
  const [path = ''] = text.split(/[?#]/);
  for (const step of path.split(/[\\/]/)) {
    const filled = fill(step, names, encodeURIComponent);
    if (filled !== step && /^(\.|%2e){0,2}$/i.test(filled))
      throw unreadable(
        place,
        `${step} in the path of the url is ${JSON.stringify(filled)}, which would lead to another address`,
        'Leave the value out, or put it into params.',
      );
  }
  return new URL(fill(text, names, encodeURIComponent));
}

/** Names that nobody gives stay as they are. */
function fill(text: string, names: Names, encode: (value: string) => string): string {
  return text.replace(/\{([A-Za-z_]\w*)\}/g, (written, name: string) =>
    Object.hasOwn(names, name) ? encode(names[name] ?? '') : written,
  );
}

/** @param added JSON values by their path, as in `paging.after` */
function bodyOf(body: unknown, added: readonly [path: string, json: string][], names: Names): string {
  const copy = JSON.parse(JSON.stringify(body ?? {}), (_key, value: unknown) =>
    typeof value === 'string' ? fill(value, names, String) : value,
  ) as Record<string, unknown>;
  // A number of the server keeps its digits: its place is marked, and it is put there as written.
  const marks = added.map(([path, json], index) => {
    const mark = `\u0000${index}`;
    const steps = path.split('.');
    const last = steps.pop() ?? path;
    let at = copy;
    for (const step of steps) at = (at[step] ??= {}) as Record<string, unknown>;
    at[last] = mark;
    return [JSON.stringify(mark), json] as const;
  });
  return marks.reduce((text, [mark, json]) => text.replace(mark, () => json), JSON.stringify(copy));
}
