/**
 * Declared types of SQLite, and the values that they keep as they are.
 *
 * A type gives a column an affinity, and the affinity changes values: `007` becomes 7 in a NUMERIC column, 1 becomes
 * '1' in a TEXT column. https://www.sqlite.org/datatype3.html#determination_of_column_affinity
 */
import type { ColumnType, TypeKind } from '../../pipeline/types';

type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'NONE' | 'REAL' | 'NUMERIC';

/** The declared type of a decimal column whose values need text; its affinity is TEXT. */
export const DECIMAL_TEXT = 'DECIMAL_TEXT';

const DECLARED: Record<TypeKind, string> = {
  // Without a type: it keeps values of every type that come later.
  unknown: '',
  string: 'TEXT',
  integer: 'INTEGER',
  float: 'REAL',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  decimal: 'DECIMAL',
};

/**
 * Affinities that keep every value of a kind. Numbers and timestamps have many spellings (1.1 and 1.10), so a TEXT
 * column could not have the text of the source; a date has one. Decimals in a REAL column: see `fit-values.ts`.
 */
const KEEPS: Record<Exclude<TypeKind, 'unknown'>, readonly Affinity[]> = {
  string: ['TEXT', 'NONE'],
  integer: ['INTEGER', 'NUMERIC', 'NONE'],
  float: ['REAL', 'NUMERIC', 'NONE'],
  boolean: ['NUMERIC', 'INTEGER', 'NONE'],
  date: ['NUMERIC', 'TEXT', 'NONE'],
  timestamp: ['NUMERIC', 'NONE'],
  decimal: ['NUMERIC', 'REAL', 'NONE'],
};

export function declareType({ kind }: ColumnType): string {
  return DECLARED[kind];
}

export function keepsType(declared: string, { kind }: ColumnType): boolean {
  if (kind === 'unknown') return true;
  return (kind === 'decimal' && isDecimalText(declared)) || KEEPS[kind].includes(affinityOf(declared));
}

/** Whether decimals are kept there as text, with all digits of their scale. */
export function isDecimalText(declared: string): boolean {
  return affinityOf(declared) === 'TEXT' && /decimal/i.test(declared);
}

export function affinityOf(declared: string): Affinity {
  const type = declared.toUpperCase();
  if (type === '') return 'NONE';
  if (type.includes('INT')) return 'INTEGER';
  if (/CHAR|CLOB|TEXT/.test(type)) return 'TEXT';
  if (type.includes('BLOB')) return 'BLOB';
  return /REAL|FLOA|DOUB/.test(type) ? 'REAL' : 'NUMERIC';
}
