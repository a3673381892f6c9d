/** The only builder of SQL text for the data plane. User text enters as quoted identifiers or literals only. */
import {
  CANONICAL_PATTERNS,
  hasOffset,
  OFFSET_PATTERN,
  TEXT_PATTERNS,
  type ColumnType,
  type Spelling,
  type TextRules,
} from './types';
import { plainSql } from './text-forms';
import { ident, literal } from './sql-text';

export { ident, literal };

/** A path as DuckDB's functions read it: not as a pattern. A path with a backslash beside such characters is not found. */
export function pathLiteral(path: string): string {
  return literal(escapePattern(path));
}

/** The pattern that only this path matches. */
export function escapePattern(path: string): string {
  return path.replace(/[*?[]/g, '[$&]');
}

/**
 * Staged files as a relation. No column comes from the names of folders.
 * @param options further ones: `file_row_number = true`
 */
export function readParquet(paths: string | readonly string[], options = ''): string {
  const files = [paths].flat().map(pathLiteral).join(', ');
  return `read_parquet([${files}], hive_partitioning = false${options && `, ${options}`})`;
}

/** The DuckDB type of a column type. */
export function sqlType(type: ColumnType): string {
  switch (type.kind) {
    case 'unknown':
    case 'string':
      return 'VARCHAR';
    case 'integer':
      return 'BIGINT';
    case 'float':
      return 'DOUBLE';
    case 'boolean':
      return 'BOOLEAN';
    case 'date':
      return 'DATE';
    case 'timestamp':
      return 'TIMESTAMP';
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`;
  }
}

/**
 * A typed value from a text, or NULL where the text does not fit: the SQL form of `explainMismatch`.
 *
 * A canonical text is recognised by casting it there and back, which is faster than a pattern; only other texts
 * are matched against the pattern. A bare cast would accept `8.7` as 9, `1_000` as 1000 and `infinity` as a date.
 * @param text SQL of a VARCHAR, null for a null value
 */
export function castText(
  text: string,
  type: ColumnType,
  rules: TextRules,
  spelling: Spelling = 'usual',
): string {
  const patterns = spelling === 'usual' ? TEXT_PATTERNS : CANONICAL_PATTERNS;
  if (type.kind === 'string') return text;
  if (type.kind === 'unknown') return 'CAST(NULL AS VARCHAR)';
  const plain = plainSql(text, type.kind, rules);
  const cast = `try_cast(${plain} AS ${sqlType(type)})`;
  const matches = (pattern: string): string => `regexp_full_match(${plain}, ${literal(pattern)})`;
  switch (type.kind) {
    case 'integer':
      return `CASE WHEN CAST(${cast} AS VARCHAR) = ${plain} THEN ${cast} WHEN ${matches(patterns.integer)} THEN ${cast} END`;
    case 'decimal': {
      const pattern = matches(decimalPattern(type.scale, spelling));
      const signed = spelling === 'canonical' ? ` AND NOT (starts_with(${plain}, '-') AND ${cast} = 0)` : '';
      const slow = `WHEN ${pattern}${signed} THEN ${cast}`;
      return plain === text
        ? `CASE WHEN CAST(${cast} AS VARCHAR) = ${text} THEN ${cast} ${slow} END`
        : `CASE ${slow} END`;
    }
    case 'float':
      return `CASE WHEN ${matches(patterns.float)} AND isfinite(${cast})${spelling === 'canonical' ? ` AND ${isDoubleSql(plain)}` : ''} THEN ${cast} END`;
    case 'boolean':
      return `CASE WHEN ${matches(patterns.boolean)} THEN left(lower(${plain}), 1) IN ('t', 'y', '1') END`;
    case 'date':
      return castDate(plain);
    case 'timestamp': {
      const inYears = `${plain} >= '0001'`;
      const local = type.offset === true ? 'NULL' : cast;
      const zoned = type.offset === false ? 'NULL' : castOffset(plain);
      return `CASE WHEN ${matches(LOCAL_TIMESTAMP)} AND ${inYears} THEN ${local} WHEN ${matches(patterns.timestamp)} AND ${inYears} THEN ${zoned} END`;
    }
  }
}

/** The SQL form of `isDouble`. */
export function isDoubleSql(plain: string): string {
  const digits = (text: string): string =>
    `trim(regexp_replace(regexp_replace(${text}, '[eE].*$', ''), '[^0-9]', '', 'g'), '0')`;
  return `${digits(plain)} = ${digits(`try_cast(${plain} AS DOUBLE)::VARCHAR`)}`;
}

/** {@link castText} for dates: each has one spelling only. */
function castDate(text: string): string {
  const cast = `try_cast(${text} AS DATE)`;
  // The length excludes `infinity`, which casts there and back. With AND the cast would be computed twice.
  return `CASE WHEN CAST(${cast} AS VARCHAR) = ${text} THEN CASE WHEN length(${text}) = 10 THEN ${cast} END END`;
}

/** A timestamp without an offset from UTC. */
const LOCAL_TIMESTAMP = TEXT_PATTERNS.timestamp.replace(OFFSET_PATTERN, '');

/** The time in UTC: a cast to TIMESTAMP alone would drop the offset, and refuses one behind hours and minutes. */
function castOffset(text: string): string {
  const withSeconds = `regexp_replace(${text}, '^(.{16})([Z+-])', '\\1:00\\2')`;
  return `CAST(try_cast(${withSeconds} AS TIMESTAMPTZ) AS TIMESTAMP)`;
}

/** A timestamp that a text is in data: the time in UTC if it has an offset. @param text a valid timestamp */
export function timestampLiteral(text: string): string {
  const withSeconds = text.replace(/^(.{16})(?=$|[Z+-])/, '$1:00');
  return hasOffset(text)
    ? `CAST(CAST(${literal(withSeconds)} AS TIMESTAMPTZ) AS TIMESTAMP)`
    : `CAST(${literal(withSeconds)} AS TIMESTAMP)`;
}

/** Decimals with at most `scale` digits after the point. */
function decimalPattern(scale: number, spelling: Spelling): string {
  if (spelling === 'canonical') {
    return scale === 0
      ? '-?(0|[1-9][0-9]*)'
      : `-?((0|[1-9][0-9]*)([.][0-9]{1,${scale}})?|[.][0-9]{1,${scale}})`;
  }
  return scale === 0 ? '[+-]?[0-9]+[.]?' : `[+-]?([0-9]+([.][0-9]{0,${scale}})?|[.][0-9]{1,${scale}})`;
}

/**
 * Fails the query with a tag that `duckdb.ts` turns into a FlexetlError of that code.
 * @param record SQL of the number of the record, where the row has it
 */
export function sqlError(
  code: 'VALUE_OVERFLOW' | 'DIVISION_BY_ZERO' | 'CAST_FAILED',
  message: string,
  record?: string,
): string {
  const text = literal(`FLEXETL:${code}:${message}`);
  return record === undefined
    ? `error(${text})`
    : `error(concat(${text}, ${literal(RECORD_TAG)}, ${record}))`;
}

/** Before the number of the record in the message of {@link sqlError}. */
export const RECORD_TAG = ' FLEXETL:RECORD:';
