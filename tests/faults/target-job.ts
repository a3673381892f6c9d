/** The load that the fault tests of targets do, shared with the process they kill. */
import { INTEGER, STRING, type Schema } from '../../pipeline/types';
import type { LoadKey } from '../../plugin/target';
import { LOAD_KEY } from '../support/parts';

export const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'name', type: STRING },
];
export const ROWS = 200_000;
export const QUERY = `SELECT range AS id, 'name of row ' || range AS name FROM range(${ROWS})`;
export const KEY: LoadKey = { ...LOAD_KEY, runKey: 'r' };
export const OPTIONS = { database: 'out/t.db', table: 't', mode: 'replace' } as const;
