import { z } from 'zod';
import { defineCheck, type CheckTables, type GlobalCheck } from '../../plugin/check';
import { RECORD_COLUMN, requireColumns } from '../columns';
import { FlexetlError } from '../errors';
import { ident } from '../sql';
import { formatType, type Column, type TypeKind } from '../types';
import { plainSql } from './key-digest';
import { referenceOptions } from './reference';

/** Rows whose key the reference does not have. As in SQL, a key with a null passes. */
export const foreignKey = defineCheck({
  type: 'foreign_key',
  description: 'The values of the columns are in other data; a row with a null in one of them passes.',
  options: z
    .strictObject({
      columns: z.array(z.string()).min(1).describe('The columns that have the key together.'),
      reference: z
        .strictObject({
          ...referenceOptions,
          columns: z.array(z.string()).min(1).optional().describe('Its columns; default: the same names.'),
        })
        .describe('The data that has the keys.'),
    })
    .superRefine(({ columns, reference }, context) => {
      const found = reference.columns?.length ?? columns.length;
      const message = `found ${found}, expected as many as in columns: ${columns.length}.`;
      if (found !== columns.length)
        context.addIssue({ code: 'custom', path: ['reference', 'columns'], message });
    }),
  compile({ columns, reference }, schema) {
    const keys = requireColumns(columns, schema, 'foreign_key');
    const { source, types, columns: names = columns } = reference;
    const failing = (tables: CheckTables): string => failingSql(keys, names, tables);
    const check: GlobalCheck = {
      scope: 'global',
      columns,
      references: { reference: { source, types, columns: names } },
      failing,
      reason: 'not in the reference',
      measure: (tables) => `SELECT count(*) AS failing FROM (${failing(tables)})`,
      verdict: ({ failing }) => {
        const rows = Number(failing);
        const key = columns.map((name) => `"${name}"`).join(', ');
        const message = `${rows} ${rows === 1 ? 'row has' : 'rows have'} a value of ${key} that is not in the reference (${names.join(', ')})`;
        return rows === 0
          ? { status: 'passed', failing_rows: 0 }
          : { status: 'failed', failing_rows: rows, message };
      },
    };
    return [check];
  },
});

function failingSql(keys: readonly Column[], names: readonly string[], tables: CheckTables): string {
  const { rows, schema } = tables.references['reference'] ?? { rows: '', schema: [] };
  const pairs = requireColumns(names, schema, 'foreign_key: reference').map((theirs, index) =>
    comparable(keys[index] ?? theirs, theirs),
  );
  const record = ident(RECORD_COLUMN);
  const own = pairs.map(([value], index) => `${value} AS k${index}`).join(', ');
  const other = pairs.map(([, value], index) => `${value} AS k${index}`).join(', ');
  const using = pairs.map((_, index) => `k${index}`);
  const noNulls = using.map((name) => `${name} IS NOT NULL`).join(' AND ');
  return `SELECT ${record} FROM (SELECT ${record}, ${own} FROM ${tables.rows}) ANTI JOIN (SELECT ${other} FROM ${rows})
    USING (${using.join(', ')}) WHERE ${noNulls}`;
}

/** Kinds whose equal values have the same plain text. */
const FAMILIES: readonly (readonly TypeKind[])[] = [
  ['integer', 'decimal'],
  ['date', 'timestamp'],
];

/** Two values as SQL that is equal where they are. @throws FlexetlError SCHEMA_MISMATCH */
function comparable(ours: Column, theirs: Column): [string, string] {
  const kinds = [ours.type.kind, theirs.type.kind];
  const isAlike = FAMILIES.some((family) => kinds.every((kind) => family.includes(kind)));
  if (isAlike || kinds.includes('unknown')) return [plainSql(ours), plainSql(theirs)];
  if (kinds[0] === kinds[1]) return [ident(ours.name), ident(theirs.name)];
  throw new FlexetlError('SCHEMA_MISMATCH', {
    message: `foreign_key: the column "${ours.name}" is ${formatType(ours.type)}, "${theirs.name}" of the reference ${formatType(theirs.type)}.`,
    hint: `Declare both with the same type: validation.schema, and types of the reference.`,
  });
}
