/** Whether an existing table can take the rows of a schema. */
import { nameKey } from '../../pipeline/columns';
import { FlexetlError } from '../../pipeline/errors';
import { formatType, STRING, type Column, type Schema } from '../../pipeline/types';
import type { SqlDialect, TableColumn } from './dialect';
import type { TableOptions } from './options';

type Dialect = Pick<SqlDialect<TableOptions>, 'name' | 'ignoresCase' | 'keeps'>;

/** @throws FlexetlError TARGET_INCOMPATIBLE for names that are the same to the database, and keys that are not columns */
export function assertNames(dialect: Dialect, options: TableOptions, schema: Schema, place: string): void {
  const seen = new Map<string, string>();
  for (const { name } of schema) {
    const other = seen.get(keyOf(dialect, name));
    if (other !== undefined) {
      throw new FlexetlError('TARGET_INCOMPATIBLE', {
        message: `${place}: columns "${other}" and "${name}" are the same name to ${dialect.name}, which ignores case.`,
        hint: 'Give one of them another name with a rename.',
      });
    }
    seen.set(keyOf(dialect, name), name);
  }
  const missing = options.primary_key?.find((key) => !schema.some(({ name }) => name === key));
  if (missing === undefined) return;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place}: column "${missing}" of primary_key is not among the columns of this pipeline: ${schema.map(({ name }) => name).join(', ')}.`,
    hint: 'Correct primary_key, or keep the column with select or rename.',
  });
}

/**
 * Checks that rows of the schema can be added to a table.
 * @throws FlexetlError TARGET_INCOMPATIBLE naming every column that does not fit
 */
export function assertColumns(
  dialect: Dialect,
  options: TableOptions,
  schema: Schema,
  table: readonly TableColumn[],
  place: string,
): void {
  const missing = new Set(missingColumns(dialect, options, schema, table));
  const problems = [
    ...schema
      .filter((column) => !missing.has(column))
      .map((column) => explainColumn(dialect, column, findColumn(dialect, table, column.name))),
    ...table.map((column) => explainExtra(column, findColumn(dialect, schema, column.name) !== undefined)),
  ].filter((problem) => problem !== null);
  if (problems.length === 0) return;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place} cannot take the rows of this pipeline: ${problems.join('; ')}.`,
    hint: 'Change the pipeline with validation.schema, select, rename or cast, or alter or drop the table.',
  });
}

/**
 * The columns that the pipeline adds to a table. Those of a key are not among them: no row of the table would have one.
 */
export function missingColumns(
  dialect: Dialect,
  { schema_contract, primary_key = [] }: TableOptions,
  schema: Schema,
  table: readonly TableColumn[],
): Schema {
  if (schema_contract !== 'evolve') return [];
  return schema.filter(({ name }) => !findColumn(dialect, table, name) && !primary_key.includes(name));
}

function findColumn<C extends { name: string }>(
  dialect: Dialect,
  columns: readonly C[],
  name: string,
): C | undefined {
  return columns.find((column) => keyOf(dialect, column.name) === keyOf(dialect, name));
}

function keyOf({ ignoresCase }: Dialect, name: string): string {
  return ignoresCase ? nameKey(name) : name;
}

function explainColumn(dialect: Dialect, column: Column, existing: TableColumn | undefined): string | null {
  if (!existing) return `the table lacks column "${column.name}" (${formatType(column.type)})`;
  if (existing.generated) return `column "${existing.name}" is generated`;
  // Nulls fit every column.
  if (column.type.kind === 'unknown' || dialect.keeps(existing.type, column.type)) return null;
  const advice = dialect.keeps(existing.type, STRING) ? ' (declare it as string, or cast it)' : '';
  return `column "${existing.name}" is ${existing.type}, the pipeline has ${formatType(column.type)}${advice}`;
}

/** A column that the pipeline does not fill is fine where the database can fill it. */
function explainExtra(column: TableColumn, filled: boolean): string | null {
  return filled || !column.required
    ? null
    : `the pipeline lacks column "${column.name}", which must not be null`;
}
