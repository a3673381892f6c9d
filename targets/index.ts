/** The targets there are; a new one is one more line here. */
import { csv } from './csv';
import { parquet } from './parquet';
import { postgresql } from './postgresql';
import { sqlite } from './sqlite';

export const targets = [sqlite, postgresql, parquet, csv] as const;
