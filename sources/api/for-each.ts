/** The entries of for_each: a list of the pipeline file, or the values of a list that is read first, once for a run. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import type { Client } from './client';
import { placeOf, unreadable } from './failures';
import { parseDocument } from './json-document';
import { LIST_START, readPage, type ListState } from './list';
import type { ApiOptions } from './options';
import { select } from './records';

/** JSON texts or numbers as written, each once; undefined without for_each. */
export async function readEntries(
  options: ApiOptions,
  client: Client,
  context: PluginContext,
): Promise<readonly string[] | undefined> {
  const each = options.for_each;
  if (!each) return undefined;
  if (each.values) return [...new Set(each.values.map((value) => JSON.stringify(value)))];
  const name = createHash('sha256').update(JSON.stringify(options)).digest('hex').slice(0, 24);
  const path = await context.shared.make(`api/${name}/entries.json`, async (file) => {
    await writeFile(file, JSON.stringify(await readList(options, client, context)));
  });
  return JSON.parse(await readFile(path, 'utf8')) as string[];
}

async function readList(
  { for_each: each }: ApiOptions,
  client: Client,
  context: PluginContext,
): Promise<string[]> {
  const entries = new Set<string>();
  const asked = new Set<string>();
  const list = each?.request;
  let state: ListState | undefined = list && LIST_START;
  while (list && state) {
    const place = `the list of for_each, ${placeOf(list.url, state.pages)}`;
    const at = JSON.stringify(state.at);
    if (asked.has(at)) throw unreadable(place, 'the source repeats itself', 'Check pagination.');
    asked.add(at);
    const page = await readPage(list, state, { client, names: {}, secret: context.secret, place });
    const before = entries.size;
    for (const record of page.records) {
      const document = parseDocument(record);
      const [node] = select(document, each.value, place);
      if (!node || !['string', 'number'].includes(typeof node.value))
        throw unreadable(place, `a record has no text or number at ${each.value}`, 'Check for_each.value.');
      entries.add(document.text.slice(node.start, node.end));
    }
    if (entries.size > LIMITS.apiEntriesMax)
      throw unreadable(place, `more than ${LIMITS.apiEntriesMax} entries`, 'Split the pipeline.');
    const counted = state.at !== null && ('page' in state.at || 'offset' in state.at);
    if (counted && page.records.length > 0 && entries.size === before && page.next)
      throw unreadable(place, 'the source repeats itself: the page has no new values', 'Check pagination.');
    state = page.next;
  }
  return [...entries];
}
