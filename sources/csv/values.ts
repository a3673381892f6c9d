/** From fields to values: the same rules for single records (careful lane) and as SQL (fast lane). */
import { ident, literal } from '../../pipeline/sql';
import type { Fields } from './split';

export interface ValueRules {
  /** Texts that mean null, quoted or not. */
  null_values: readonly string[];
  /** Blanks, tabs and line breaks around a value are not part of it; done before nulls are recognised. */
  trim: boolean;
  /** Fields that are missing at the end of a record are empty. */
  null_padding: boolean;
  /** Surplus fields at the end of a record are passed over. */
  truncate_ragged_lines: boolean;
}

const TRIM = /^[ \t\r\n]+|[ \t\r\n]+$/g;

export function trimText(text: string): string {
  return text.replace(TRIM, '');
}

/**
 * The values of a record with `columnCount` columns, or why it is broken.
 * @param surplus empty fields that may follow
 */
export function createValueReader(
  rules: ValueRules,
  columnCount: number,
  surplus: number,
): (fields: Fields) => { values: (string | null)[] } | { reason: string } {
  const nulls = new Set(rules.null_values);
  return (fields) => {
    if (!Array.isArray(fields)) return { reason: fields.problem };
    const extra = fields.length - columnCount;
    const isEmpty = (): boolean => extra <= surplus && fields.slice(columnCount).every((text) => text === '');
    const fits = extra < 0 ? rules.null_padding : rules.truncate_ragged_lines || isEmpty();
    if (extra !== 0 && !fits) {
      const found = `${fields.length} field${fields.length === 1 ? '' : 's'}`;
      return { reason: `${found}, header has ${columnCount}` };
    }
    const values: (string | null)[] = [];
    for (let index = 0; index < columnCount; index++) {
      const text = rules.trim ? trimText(fields[index] ?? '') : (fields[index] ?? '');
      values.push(nulls.has(text) ? null : text);
    }
    return { values };
  };
}

/**
 * The same over columns in which DuckDB has made the empty text NULL.
 * @param there the columns that the file has; others are null
 * @returns undefined when the columns need no change
 */
export function valuesSql(
  columns: readonly string[],
  there: readonly string[],
  rules: Pick<ValueRules, 'null_values' | 'trim'>,
): string | undefined {
  const same = columns === there;
  const known = new Set(there);
  const emptyIsNull = rules.null_values.includes('');
  const others = rules.null_values.filter((text) => text !== '');
  const asItIs = emptyIsNull && others.length === 0 && !rules.trim;
  if (asItIs && same) return undefined;
  const nulls = (emptyIsNull ? ['', ...others] : others).map(literal).join(', ');
  const trimChars = `' ' || chr(9) || chr(13) || chr(10)`;
  return columns
    .map((column) => {
      if (!known.has(column)) return `CAST(NULL AS VARCHAR) AS ${ident(column)}`;
      if (asItIs) return ident(column);
      const text = emptyIsNull ? ident(column) : `coalesce(${ident(column)}, '')`;
      const value = rules.trim ? `trim(${text}, ${trimChars})` : text;
      const nulled = nulls === '' ? value : `CASE WHEN ${value} IN (${nulls}) THEN NULL ELSE ${value} END`;
      return `${nulled} AS ${ident(column)}`;
    })
    .join(', ');
}
