import { z } from 'zod';
import { defineCheck, type CheckTables, type GlobalCheck } from '../../plugin/check';
import { RECORD_COLUMN, requireColumns } from '../columns';
import { LIMITS } from '../limits';
import { ident } from '../sql';
import type { Column } from '../types';
import { keyDigestSql } from './key-digest';

const record = ident(RECORD_COLUMN);

/**
 * Rows whose key is that of an earlier row, in the order of records, or of a row of an earlier run. Nulls are equal, as
 * in `deduplicate` and `aggregate`.
 */
export const noDuplicates = defineCheck({
  type: 'no_duplicates',
  description: 'No two rows have the same values in the columns; nulls are equal.',
  options: z.strictObject({
    columns: z.array(z.string()).min(1).describe('The columns that identify a row together.'),
    within: z
      .strictObject({
        runs: z.int().min(1).max(LIMITS.keptRunsMax).describe('How many published runs before this one.'),
      })
      .optional()
      .describe('Also no row of so many earlier runs of the pipeline has the same values.'),
  }),
  compile({ columns, within }, schema) {
    const keys = requireColumns(columns, schema, 'no_duplicates');
    const key = keyDigestSql(keys);
    const failing = (tables: CheckTables): string => failingSql(keys, key, tables);
    const check: GlobalCheck = {
      scope: 'global',
      columns,
      ...(within && { keeps: { identity: { type: 'no_duplicates', columns }, runs: within.runs, key } }),
      failing,
      reason: within ? 'the key of an earlier row or run' : 'the key of an earlier row',
      measure: (tables) => `SELECT count(*) AS failing FROM (${failing(tables)})`,
      verdict: ({ failing }) => {
        const rows = Number(failing);
        const before = within ? `, or of one of the ${within.runs} runs before,` : '';
        const message = `${rows} ${rows === 1 ? 'row has' : 'rows have'} the key (${columns.join(', ')}) of an earlier row${before}`;
        return rows === 0
          ? { status: 'passed', failing_rows: 0 }
          : { status: 'failed', failing_rows: rows, message: message.replace(/,$/, '') };
      },
    };
    return [check];
  },
});

function failingSql(keys: readonly Column[], key: string, { rows, earlier }: CheckTables): string {
  const names = keys.map(({ name }) => ident(name));
  const firsts = `SELECT ${names.map((name, index) => `${name} AS k${index}`).join(', ')}, min(${record}) AS first
    FROM ${rows} GROUP BY ${names.join(', ')} HAVING count(*) > 1`;
  const same = names.map((name, index) => `${name} IS NOT DISTINCT FROM k${index}`).join(' AND ');
  const repeated = `SELECT ${record} FROM ${rows} JOIN (${firsts}) AS firsts ON ${same} WHERE ${record} > first`;
  if (earlier === undefined) return repeated;
  return `${repeated} UNION SELECT ${record} FROM (SELECT ${record}, ${key} AS key FROM ${rows}) SEMI JOIN ${earlier} USING (key)`;
}
