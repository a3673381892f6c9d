/** The order of the rows of a load, where a database's tables have none of their own. */
import { INTEGER, type Column, type Schema } from '../../pipeline/types';
import type { Part } from '../../plugin/target';
import { selectPart } from '../../runtime/batches/part';
import type { TableOptions } from './options';

/** Of the staging tables of a merge: the last row of a key is the one that counts. No column of users has such a name. */
const ORDER_COLUMN: Column = { name: '_flexetl_order', type: INTEGER };

/** More rows than a part has, of whatever lane. */
const ROWS_PER_PART = 2n ** 24n;

/** The columns of a staging table. @param numbersRows of the dialect */
export function stageSchema(schema: Schema, { mode }: TableOptions, numbersRows = false): Schema {
  return numbersRows && mode === 'merge' ? [...schema, ORDER_COLUMN] : schema;
}

/** The part that is written into it, and the SELECT of its rows. */
export function stagePart(part: Part, mode: TableOptions['mode']): { schema: Schema; select: string } {
  if (mode !== 'merge') return { schema: part.schema, select: selectPart(part) };
  const place = `${BigInt(part.index) * ROWS_PER_PART} + row_number() OVER ()`;
  return {
    schema: [...part.schema, ORDER_COLUMN],
    select: `SELECT *, ${place} AS ${ORDER_COLUMN.name} FROM (${selectPart(part)})`,
  };
}

/** SQL of it in the staging table, `s`. */
export const ORDER_SQL = `s.${ORDER_COLUMN.name}`;
