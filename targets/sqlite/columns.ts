/** The types of columns in SQLite, and which columns of a table can take which values. */
import { FlexetlError } from '../../pipeline/errors';
import { ident } from '../../pipeline/sql';
import { formatType, type Column, type Schema, type TypeKind } from '../../pipeline/types';

/** A column as `PRAGMA table_xinfo` tells it. */
export interface TableColumn {
  name: string;
  type: string;
  notnull: number;
  dflt_value: string | null;
  pk: number;
  /** 0: ordinary; above: generated or hidden. */
  hidden: number;
}

/** The declared type of a decimal column whose values need text; its affinity is TEXT. */
export const DECIMAL_TEXT = 'DECIMAL_TEXT';

const DECLARED: Record<TypeKind, string> = {
  string: 'TEXT',
  integer: 'INTEGER',
  float: 'REAL',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  decimal: 'DECIMAL',
};

/** Affinities that keep every value of a kind as it is. */
const KEEPS: Record<TypeKind, readonly Affinity[]> = {
  string: ['TEXT', 'NONE'],
  integer: ['INTEGER', 'NUMERIC', 'NONE'],
  float: ['REAL', 'NUMERIC', 'NONE'],
  boolean: ['NUMERIC', 'INTEGER', 'NONE'],
  date: ['NUMERIC', 'TEXT', 'NONE'],
  timestamp: ['NUMERIC', 'TEXT', 'NONE'],
  decimal: ['NUMERIC', 'REAL', 'TEXT', 'NONE'],
};

type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'NONE' | 'REAL' | 'NUMERIC';

/** SQLite's rules, in their order: https://www.sqlite.org/datatype3.html#determination_of_column_affinity */
export function affinityOf(declared: string): Affinity {
  const type = declared.toUpperCase();
  if (type === '') return 'NONE';
  if (type.includes('INT')) return 'INTEGER';
  if (/CHAR|CLOB|TEXT/.test(type)) return 'TEXT';
  if (type.includes('BLOB')) return 'BLOB';
  return /REAL|FLOA|DOUB/.test(type) ? 'REAL' : 'NUMERIC';
}

/** @param textColumns decimal columns that must be text */
export function createTableSql(table: string, schema: Schema, textColumns: ReadonlySet<string>): string {
  const columns = schema.map(({ name, type }) => {
    const declared = textColumns.has(name) ? DECIMAL_TEXT : DECLARED[type.kind];
    return `${ident(name)} ${declared}`;
  });
  return `CREATE TABLE ${ident(table)} (${columns.join(', ')})`;
}

/** @throws FlexetlError TARGET_INCOMPATIBLE when two columns are one to SQLite, which ignores case */
export function assertNames(schema: Schema, place: string): void {
  const seen = new Map<string, string>();
  for (const { name } of schema) {
    const twin = seen.get(name.toLowerCase());
    if (twin !== undefined) {
      throw new FlexetlError('TARGET_INCOMPATIBLE', {
        message: `${place}: columns "${twin}" and "${name}" are the same name to SQLite, which ignores case.`,
        hint: 'Give one of them another name with a rename.',
      });
    }
    seen.set(name.toLowerCase(), name);
  }
}

/**
 * Tells whether rows of the schema can be appended to a table.
 * @throws FlexetlError TARGET_INCOMPATIBLE naming every column that stands in the way
 */
export function assertAppendable(schema: Schema, table: readonly TableColumn[], place: string): void {
  const problems = [
    ...schema.map((column) => explainColumn(column, table)),
    ...table.map((column) => explainExtra(column, schema)),
  ].filter((problem) => problem !== null);
  if (problems.length === 0) return;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place} cannot take the rows of this pipeline: ${problems.join('; ')}.`,
    hint: 'Alter the table, change the pipeline with select, rename or cast, or use mode: replace.',
  });
}

export function findTableColumn(table: readonly TableColumn[], name: string): TableColumn | undefined {
  return table.find((column) => column.name.toLowerCase() === name.toLowerCase());
}

function explainColumn(column: Column, table: readonly TableColumn[]): string | null {
  const existing = findTableColumn(table, column.name);
  if (!existing) return `the table lacks column "${column.name}" (${formatType(column.type)})`;
  if (existing.hidden > 0) return `column "${existing.name}" is generated`;
  if (KEEPS[column.type.kind].includes(affinityOf(existing.type))) return null;
  return `column "${existing.name}" is ${existing.type}, the pipeline has ${formatType(column.type)}`;
}

/** A column that the pipeline does not fill is fine where SQLite can fill it. */
function explainExtra(column: TableColumn, schema: Schema): string | null {
  const filled = schema.some(({ name }) => name.toLowerCase() === column.name.toLowerCase());
  const optional = column.notnull === 0 || column.dflt_value !== null || column.hidden > 0 || column.pk > 0;
  return filled || optional ? null : `the pipeline lacks column "${column.name}", which must not be null`;
}
