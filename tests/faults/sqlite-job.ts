/** The load that the SQLite fault tests do, shared with the process they kill. */
import type { LoadKey } from '../../pipeline/plugin';
import { INTEGER, STRING, type Schema } from '../../pipeline/types';
import type { TextRow } from '../support/arrow-rows';

export const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'name', type: STRING },
];
export const ROWS: TextRow[] = Array.from({ length: 20_000 }, (_, id) => [String(id), `name of row ${id}`]);
export const KEY: LoadKey = { pipeline: 'p', runKey: 'r', target: '0:t' };
export const OPTIONS = { database: 'out/t.db', table: 't', mode: 'replace' } as const;
