/** One list of pages: the records of the source, those of one entry of for_each, or the entries themselves. */
import { hash } from 'node:crypto';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import type { Client } from './client';
import { changed, unreadable, type Place } from './failures';
import type { ApiParent } from './options';
import { planNext, totalOf } from './pagination';
import { parseBody } from './records';
import { planRequest, type Names, type PageAt } from './request';

/** Where reading of a list continues. */
export interface ListState {
  at: PageAt;
  /** Pages and records before this one. */
  pages: number;
  records: number;
  /** Of all records, as the first page says. */
  total?: number;
  /** Digest of the last record before this page, where pages are counted. */
  last?: string;
}

export const LIST_START: ListState = { at: null, pages: 0, records: 0 };

export interface ListPage {
  records: readonly string[];
  next?: ListState;
}

/**
 * @param place of the page
 * @throws FlexetlError SOURCE_CHANGED when the list says another number of records than before, or has another
 */
export async function readPage(
  options: ApiParent,
  state: ListState,
  {
    client,
    names,
    secret,
    place,
  }: { client: Client; names: Names; secret: PluginContext['secret']; place: Place },
): Promise<ListPage> {
  const request = await planRequest(options, state.at, names, { secret, place });
  const page = await client.fetch(request, place, ({ text, headers, url }) => ({
    ...parseBody(text, options, place),
    reply: { headers, url },
  }));
  if (!page) return { records: [] };
  assertNoOverlap(state, page.records, place);
  const records = state.records + page.records.length;
  const total = totalOf(options, page, place);
  if (state.total !== undefined && total !== state.total)
    throw changed(
      place,
      `the list has ${total} records now, and had ${state.total} on the page before`,
      MOVED_HINT,
    );
  const pages = state.pages + 1;
  const { max_pages: max } = options.pagination.stop;
  if (pages === max) return { records: page.records };
  const at = total !== undefined && records >= total ? undefined : planNext(options, state.at, page, place);
  if (at) {
    if (pages >= LIMITS.apiPagesMax)
      throw unreadable(
        place,
        `more than ${LIMITS.apiPagesMax} pages`,
        'Set stop.max_pages if they are meant.',
      );
    const next: ListState = { at, pages, records, ...(total !== undefined && { total }) };
    const last = page.records.at(-1);
    const counted = 'page' in at || 'offset' in at;
    if (counted && last !== undefined && options.pagination.overlap === 'error') next.last = digest(last);
    return { records: page.records, next };
  }
  if (total !== undefined && total !== records)
    throw changed(place, `the list says that it has ${total} records, and gave ${records}`, MOVED_HINT);
  return { records: page.records };
}

/**
 * A new record on top moves the last record of a page to the next one.
 * @throws FlexetlError SOURCE_CHANGED, SOURCE_UNREADABLE
 */
function assertNoOverlap({ last }: ListState, records: readonly string[], place: Place): void {
  const at = last === undefined ? -1 : records.findIndex((record) => digest(record) === last);
  if (at === -1) return;
  if (at === records.length - 1)
    throw unreadable(place, 'the page ends as the one before it: the source repeats itself', REPEATS_HINT);
  const what = `record ${at + 1} is the last record of the page before: the list has moved`;
  throw changed(place, what, `${MOVED_HINT} If equal records are right, set pagination.overlap: allow.`);
}

function digest(record: string): string {
  return hash('sha256', record, 'hex').slice(0, 16);
}

const REPEATS_HINT =
  'Check pagination. Where the service gives its last page again and again, set stop.total_path or stop.short_page.';
const MOVED_HINT =
  'It changes while it is read: start again, sort it by a key that does not change, or use a cursor where the service has one.';
