/** Casts that change no value: a value that the new type cannot hold exactly fails the query. */
import { castText, sqlError, sqlType } from './sql';
import { formatType, isNumeric, sameType, type ColumnType, type TypeKind } from './types';

/**
 * A value as another type.
 * @param name the column or expression, for the error
 * @param record SQL of the number of the record, for its place
 * @returns SQL, or undefined when the one type cannot be cast to the other
 */
export function castExactly(
  sql: string,
  from: ColumnType,
  to: ColumnType,
  name: string,
  record?: string,
): string | undefined {
  if (sameType(from, to)) return sql;
  if (!isCastable(from, to)) return undefined;
  if (from.kind === 'unknown') return `CAST(${sql} AS ${sqlType(to)})`;
  if (to.kind === 'string') return castToText(sql, from);
  const error = sqlError(
    'CAST_FAILED',
    `"${name}" holds a ${from.kind} that cannot be cast to ${formatType(to)} exactly.`,
    record,
  );
  if (from.kind === 'string') {
    const value = castText(sql, to, { decimal_separator: '.' });
    return `CASE WHEN ${sql} IS NOT NULL THEN coalesce(${value}, ${error}) END`;
  }
  const value = `try_cast(${sql} AS ${sqlType(to)})`;
  // Cast there and back: a rounded or truncated value differs.
  const fits = `try_cast(${value} AS ${sqlType(from)}) = ${sql}`;
  return `CASE WHEN ${sql} IS NULL OR ${fits} THEN ${value} ELSE ${error} END`;
}

/** What to do about an inferred column that is wanted as text: its values are exact, its spelling is not kept. */
export function keepTexts(name: string): string {
  return `Declare "${name}" in validation.schema: as string, which keeps its texts, or with the type whose spelling you want.`;
}

/** A value as text. DuckDB writes a decimal without digits before the point as `.5`; here it is `0.5`. */
export function castToText(sql: string, from: ColumnType | null): string {
  const text = `CAST(${sql} AS VARCHAR)`;
  if (from?.kind !== 'decimal' || from.precision > from.scale) return text;
  return `regexp_replace(${text}, '^(-?)[.]', '\\10.')`;
}

const CASTS: Readonly<Record<TypeKind, readonly TypeKind[]>> = {
  unknown: ['string', 'integer', 'decimal', 'float', 'boolean', 'date', 'timestamp'],
  string: ['string', 'integer', 'decimal', 'float', 'boolean', 'date', 'timestamp'],
  integer: ['string', 'decimal', 'float', 'boolean'],
  decimal: ['string', 'integer', 'decimal', 'float'],
  float: ['string', 'integer', 'decimal'],
  boolean: ['string', 'integer'],
  date: ['string', 'timestamp'],
  timestamp: ['string', 'date'],
};

function isCastable(from: ColumnType, to: ColumnType): boolean {
  return CASTS[from.kind].includes(to.kind) || (isNumeric(from) && isNumeric(to));
}
