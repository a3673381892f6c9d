/** Which page comes after a page: pure, from its response and its records. */
import { parse as parseLinks } from 'http-link-header';
import { isNested, isString, jsonText } from '../../pipeline/json-text';
import type { Reply } from './exchange';
import { unreadable, type Place } from './failures';
import { jsonPath, parseDocument, type JsonDocument } from './json-document';
import type { ApiParent } from './options';
import { select, type Body } from './records';
import type { PageAt } from './request';

export interface PageRead extends Body {
  reply: Pick<Reply, 'headers' | 'url'>;
}

/** @returns undefined after the last page @throws FlexetlError SOURCE_UNREADABLE */
export function planNext(options: ApiParent, at: PageAt, page: PageRead, place: Place): PageAt | undefined {
  const { type, stop, size, start } = options.pagination;
  const { length } = page.records;
  const counted = type === 'page' || type === 'offset';
  if (length === 0 && (stop.empty_page ?? counted)) return undefined;
  if (stop.short_page && size !== undefined && length < size) return undefined;
  switch (type) {
    case 'none':
      return undefined;
    case 'page':
      return { page: (at && 'page' in at ? at.page : Number(start ?? 1)) + 1 };
    case 'offset': {
      // By what there was: a service may give fewer than it was asked for.
      const before = at && 'offset' in at ? at.offset : Number(start ?? 0);
      return { offset: before + (length || (size ?? 1)) };
    }
    case 'cursor': {
      const cursor = nextCursor(options, page, place);
      return cursor === undefined ? undefined : { cursor };
    }
    case 'link_header':
      return addressOf(linkOf(page, place), options, page, place);
    case 'next_url': {
      const cursor = nextCursor(options, page, place);
      return addressOf(cursor === undefined ? undefined : String(JSON.parse(cursor)), options, page, place);
    }
  }
}

/** The JSON of the next cursor as written; null, false and an empty text are none. */
function nextCursor({ pagination }: ApiParent, page: PageRead, place: Place): string | undefined {
  const origin = jsonPath.origin(pagination.from ?? '');
  if ('problem' in origin) return undefined;
  if (origin.kind === 'header') {
    const value = [page.reply.headers[origin.name] ?? []].flat()[0];
    return value ? JSON.stringify(value) : undefined;
  }
  const last = page.records.at(-1);
  if (origin.kind === 'body') return page.document && scalarAt(page.document, origin.path, place);
  if (last === undefined) return undefined;
  const cursor = scalarAt(parseDocument(last), origin.path, place);
  if (cursor !== undefined) return cursor;
  throw unreadable(place, `the last record has no ${origin.path}, the cursor`, 'Check pagination.from.');
}

/** A text or number, as written. */
function scalarAt(document: JsonDocument, path: string, place: Place): string | undefined {
  const [node, ...others] = select(document, path, place);
  if (!node || node.value === null || node.value === false || node.value === '') return undefined;
  const isScalar = isString(document.text, node) || typeof node.value === 'number';
  if (isNested(document.text, node) || !isScalar || others.length > 0)
    throw unreadable(place, `${path} is not one text or number`, 'Check pagination.from.');
  return document.text.slice(node.start, node.end);
}

function linkOf({ reply }: PageRead, place: Place): string | undefined {
  const header = [reply.headers['link'] ?? []].flat().join(', ');
  if (header === '') return undefined;
  try {
    return parseLinks(header).rel('next')[0]?.uri;
  } catch (error) {
    throw unreadable(place, 'a Link header that cannot be read', 'Check what the service sends.', error);
  }
}

function addressOf(
  address: string | undefined,
  { url }: ApiParent,
  { reply }: PageRead,
  place: Place,
): PageAt | undefined {
  if (address === undefined) return undefined;
  const next = URL.canParse(address, reply.url.href) ? new URL(address, reply.url) : undefined;
  if (next && /^https?:$/.test(next.protocol)) {
    next.username = next.password = next.hash = '';
    return { url: next.href };
  }
  throw unreadable(
    place,
    'the address of the next page is no URL of http or https',
    `Check what ${new URL(url).host} sends.`,
  );
}

/** The number of all records that a page says. @throws FlexetlError SOURCE_UNREADABLE */
export function totalOf({ pagination }: ApiParent, { document }: Body, place: Place): number | undefined {
  const path = pagination.stop.total_path;
  if (path === undefined || !document) return undefined;
  const [node] = select(document, path, place);
  const text = node ? jsonText(document.text, node) : null;
  if (text !== null && /^\d{1,15}$/.test(text)) return Number(text);
  throw unreadable(place, `${path} is no number of records`, 'Check pagination.stop.total_path.');
}
