/** One row as one line of text: the dialect, as SQL and for the header. */
import { ident, literal } from '../../pipeline/sql';
import type { Column, Schema } from '../../pipeline/types';
import type { FileOptions } from '../files/options';

export interface CsvOptions extends FileOptions {
  delimiter: string;
  quote: string;
  quoting: 'minimal' | 'all';
  header: boolean;
  null_text: string;
  line_ending: 'lf' | 'crlf';
  compression?: 'none' | 'gzip' | undefined;
  bom: boolean;
  escape_formulas: boolean;
}

/** With its line break; empty where there is none. */
export function headerLine(columns: Schema, options: CsvOptions): string {
  if (!options.header) return '';
  const names = columns.map(({ name }) => quoteText(escapeFormula(name, options), columns, options));
  return `${options.bom ? '\ufeff' : ''}${names.join(options.delimiter)}${options.line_ending === 'crlf' ? '\r\n' : '\n'}`;
}

/** SQL of the line of a row, without the line feed. */
export function lineSql(columns: Schema, options: CsvOptions): string {
  const fields = columns.map((column) => fieldSql(column, columns, options));
  const end = options.line_ending === 'crlf' ? ' || chr(13)' : '';
  return `concat_ws(${literal(options.delimiter)}, ${fields.join(', ')})${end}`;
}

function fieldSql(column: Column, columns: Schema, options: CsvOptions): string {
  const isText = column.type.kind === 'string';
  const text = isText ? formulaSql(ident(column.name), options) : textSql(column);
  const quote = literal(options.quote);
  const inside = isText ? `replace(${text}, ${quote}, ${literal(options.quote.repeat(2))})` : text;
  const quoted = `${quote} || ${inside} || ${quote}`;
  const isNull = `WHEN ${ident(column.name)} IS NULL THEN ${literal(options.null_text)}`;
  if (options.quoting === 'all') return `CASE ${isNull} ELSE ${quoted} END`;
  const needs = [
    ...sameAsNull(columns, options).map((one) => `${text} = ${literal(one)}`),
    ...(isText
      ? [options.delimiter, options.quote, '\n', '\r'].map((sign) => `contains(${text}, ${literal(sign)})`)
      : []),
  ];
  if (!isText && options.null_text === '') return `coalesce(${text}, '')`;
  return `CASE ${isNull} WHEN ${needs.join(' OR ')} THEN ${quoted} ELSE ${text} END`;
}

/** Texts that unquoted would be a null, or an empty line. */
function sameAsNull(columns: Schema, { null_text }: CsvOptions): string[] {
  return columns.length === 1 && null_text !== '' ? [null_text, ''] : [null_text];
}

/** ISO 8601; all digits of a decimal; the shortest text of a float that gives it back. */
function textSql({ name, type }: Column): string {
  const text = `CAST(${ident(name)} AS VARCHAR)`;
  return type.kind === 'timestamp' ? `replace(${text}, ' ', 'T') || 'Z'` : text;
}

const FORMULA = '^[=+\\-@\\t\\r\\n]';
const PLAIN_NUMBER = '[+-]?[0-9]+([.][0-9]+)?';

function formulaSql(text: string, { escape_formulas }: CsvOptions): string {
  if (!escape_formulas) return text;
  const isFormula = `regexp_matches(${text}, ${literal(FORMULA)}) AND NOT regexp_full_match(${text}, ${literal(PLAIN_NUMBER)})`;
  return `(CASE WHEN ${isFormula} THEN '''' || ${text} ELSE ${text} END)`;
}

function escapeFormula(text: string, { escape_formulas }: CsvOptions): string {
  const isFormula = new RegExp(FORMULA).test(text) && !new RegExp(`^${PLAIN_NUMBER}$`).test(text);
  return escape_formulas && isFormula ? `'${text}` : text;
}

function quoteText(text: string, columns: Schema, options: CsvOptions): string {
  const { delimiter, quote, quoting } = options;
  const isNeeded =
    [delimiter, quote, '\n', '\r'].some((sign) => text.includes(sign)) ||
    sameAsNull(columns, options).includes(text);
  return quoting === 'all' || isNeeded ? `${quote}${text.replaceAll(quote, quote.repeat(2))}${quote}` : text;
}
