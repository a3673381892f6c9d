/** Pages of records from an HTTP API. */
import { defineSource } from '../plugin/source';
import { apiOptions, selectRecords, type ApiOptions } from './api/options';
import { placeInLists, readPages } from './api/read';

/**
 * Under failure: a page that is landed is not asked for again. A request that fails is tried again, a few times at once,
 * then by the step. What cannot be told from the whole list (a page that repeats, another number of records than
 * announced, half a body) is an error, never the end of it.
 */
export const api = defineSource<ApiOptions>({
  kind: 'records',
  type: 'api',
  description: 'Pages of records from an HTTP API, as JSON, JSON lines or CSV.',
  options: apiOptions,
  incremental: selectRecords,
  cursor: ({ incremental }) => incremental,
  place: placeInLists,
  nullValues: ({ null_values }) => null_values,
  read: readPages,
});
