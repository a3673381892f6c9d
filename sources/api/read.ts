/** The pages of the API source, from a position on. */
import type { PluginContext } from '../../plugin/context';
import type { Bounds } from '../../plugin/incremental';
import type { Page, Position } from '../../plugin/source';
import { hideSecrets } from '../../runtime/secrets';
import { openClient, type Client } from './client';
import { placeOf } from './failures';
import { readEntries } from './for-each';
import { LIST_START, readPage, type ListState } from './list';
import type { ApiOptions } from './options';
import { shapeRecord } from './records';
import type { Names } from './request';

/** The page of a number, in the list of an entry of for_each. */
interface ApiPosition extends ListState {
  /** Over all lists. */
  page: number;
  /** Without for_each there is one list. */
  entry: number;
}

const START: ApiPosition = { ...LIST_START, page: 0, entry: 0 };

/** What no two pages have in common. */
export function placeInLists(position: Position): Position {
  const { entry, at } = position as unknown as ApiPosition;
  return [entry, at as Position];
}

export async function* readPages(
  options: ApiOptions,
  context: PluginContext,
  from: Position | undefined,
  bounds?: Bounds,
): AsyncGenerator<Page> {
  const client = openClient(options, context);
  try {
    const entries = await readEntries(options, client, context);
    let at = (from as unknown as ApiPosition | undefined) ?? START;
    while (at.entry < (entries?.length ?? 1)) {
      const { records, next } = await readEntry(options, at, entries?.[at.entry], client, context, bounds);
      const after: ApiPosition = next
        ? { ...next, page: at.page + 1, entry: at.entry }
        : { ...LIST_START, page: at.page + 1, entry: at.entry + 1 };
      const isLast = after.entry >= (entries?.length ?? 1);
      yield { records, distinct: String(at.entry), ...(!isLast && { next: after as unknown as Position }) };
      at = after;
    }
  } catch (error) {
    hideSecrets(error);
    throw error;
  } finally {
    await client.close();
  }
}

/** @param entry of for_each, as JSON */
async function readEntry(
  options: ApiOptions,
  at: ApiPosition,
  entry: string | undefined,
  client: Client,
  { secret }: PluginContext,
  bounds: Bounds | undefined,
): Promise<{ records: string[]; next?: ListState }> {
  const each = options.for_each;
  const names: Names = {
    ...bounds,
    ...(each && entry !== undefined && { [each.as]: String(textOf(entry)) }),
  };
  const place = placeOf(options.url, at.page, each && at.entry);
  const { records, ...rest } = await readPage(options, at, { client, names, secret, place });
  const added =
    each?.column !== undefined && entry !== undefined ? { name: each.column, json: entry } : undefined;
  const shape = { columns: options.columns, added };
  return { ...rest, records: records.map((record) => shapeRecord(record, shape, place)) };
}

/** A number keeps its digits. */
function textOf(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}
