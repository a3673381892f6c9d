/**
 * The forms that values have in a source, where they are not the usual ones: separators of thousands, signs beside numbers,
 * words for true and false, formats of dates. A text is first written in the usual form, then checked and cast by the
 * rules of `types.ts`. Each form is here twice, for single texts and as SQL; a property test checks that the two agree.
 */
import { readDate, readDateSql } from './date-format';
import { literal } from './sql-text';

/** Beside the decimal separator all are absent unless a user asks for them, and then cost nothing. */
export interface TextForms {
  /** Replaces '.' in decimals and floats. */
  decimal_separator: '.' | ',';
  /** Between groups of digits before the decimal separator; a blank also means blanks that do not break. */
  thousands_separator?: ',' | '.' | ' ' | "'" | '_' | undefined;
  /** Signs beside a number that are no part of it: `€`, `%`. */
  number_signs?: readonly string[] | undefined;
  /** The words for true and false, instead of the usual ones. */
  true_values?: readonly string[] | undefined;
  false_values?: readonly string[] | undefined;
  /** As in strptime, instead of YYYY-MM-DD. */
  date_format?: string | undefined;
  timestamp_format?: string | undefined;
}

type FormKind = 'integer' | 'decimal' | 'float' | 'boolean' | 'date' | 'timestamp';

/** True if texts of such a kind may be written in a way that their values do not give back. */
export function hasForm(kind: string, forms: TextForms): boolean {
  if (kind === 'integer') return Boolean(forms.thousands_separator ?? forms.number_signs?.length);
  return kind === 'date' && forms.date_format !== undefined;
}

/** The text in the usual form of a kind, with '.' as its decimal point; null where it is not in the declared one. */
export function plainText(text: string, kind: FormKind, forms: TextForms): string | null {
  switch (kind) {
    case 'integer':
      return plainNumber(text, forms);
    case 'decimal':
    case 'float': {
      const plain = plainNumber(text, forms);
      if (plain === null || forms.decimal_separator === '.') return plain;
      return plain.includes('.') ? null : plain.replace(',', '.');
    }
    case 'boolean':
      if (!forms.true_values || !forms.false_values) return text;
      if (forms.true_values.includes(text)) return 'true';
      return forms.false_values.includes(text) ? 'false' : null;
    case 'date':
      return forms.date_format === undefined ? text : readDate(text, forms.date_format);
    case 'timestamp':
      return plainTime(text, forms);
  }
}

/** {@link plainText} as SQL: the text itself where there is no form. */
export function plainSql(text: string, kind: FormKind, forms: TextForms): string {
  switch (kind) {
    case 'integer':
      return numberSql(text, forms);
    case 'decimal':
    case 'float': {
      const plain = numberSql(text, forms);
      // With `#` for its point, a text with a wrong separator matches no pattern.
      return forms.decimal_separator === '.' ? plain : `translate(${plain}, '.,', '#.')`;
    }
    case 'boolean': {
      if (!forms.true_values || !forms.false_values) return text;
      const [yes, no] = [forms.true_values, forms.false_values].map((words) => words.map(literal).join(', '));
      return `CASE WHEN ${text} IN (${yes}) THEN 'true' WHEN ${text} IN (${no}) THEN 'false' END`;
    }
    case 'date':
      return forms.date_format === undefined ? text : readDateSql(text, forms.date_format);
    case 'timestamp':
      return timeSql(text, forms);
  }
}

const ISO_DATE = '[0-9]{4}-[0-9]{2}-[0-9]{2}';

/** A timestamp may be a day only: in the format of dates. */
function plainTime(text: string, { date_format, timestamp_format }: TextForms): string | null {
  const day = date_format === undefined ? null : readDate(text, date_format);
  if (day !== null) return day;
  const isDay = new RegExp(`^${ISO_DATE}$`).test(text);
  if (isDay) return date_format === undefined ? text : null;
  return timestamp_format === undefined ? text : readDate(text, timestamp_format);
}

function timeSql(text: string, { date_format, timestamp_format }: TextForms): string {
  if (date_format === undefined && timestamp_format === undefined) return text;
  const time = timestamp_format === undefined ? text : readDateSql(text, timestamp_format);
  const isDay = `regexp_full_match(${text}, ${literal(ISO_DATE)})`;
  const other = `CASE WHEN ${isDay} THEN ${date_format === undefined ? text : 'NULL'} ELSE ${time} END`;
  return date_format === undefined ? other : `coalesce(${readDateSql(text, date_format)}, ${other})`;
}

/** The separator, and what looks like it, as a class of characters. */
const SEPARATORS: Readonly<Record<string, string>> = { ' ': '[ \u00a0\u202f]', "'": "['\u2019]" };

function plainNumber(text: string, { number_signs = [], thousands_separator }: TextForms): string | null {
  let plain = text;
  if (number_signs.length > 0) plain = plain.replace(new RegExp(signsPattern(number_signs)), '$1$2');
  if (thousands_separator === undefined) return plain;
  const { separator, grouped } = groupPatterns(thousands_separator);
  if (!new RegExp(separator).test(plain)) return plain;
  return new RegExp(`^(?:${grouped})$`).test(plain) ? plain.replaceAll(new RegExp(separator, 'g'), '') : null;
}

function numberSql(text: string, { number_signs = [], thousands_separator }: TextForms): string {
  let plain = text;
  if (number_signs.length > 0)
    plain = `regexp_replace(${plain}, ${literal(signsPattern(number_signs))}, '\\1\\2')`;
  if (thousands_separator === undefined) return plain;
  const { separator, grouped } = groupPatterns(thousands_separator);
  const joined = `regexp_replace(${plain}, ${literal(separator)}, '', 'g')`;
  const isGrouped = `regexp_full_match(${plain}, ${literal(grouped)})`;
  return `CASE WHEN NOT regexp_matches(${plain}, ${literal(separator)}) THEN ${plain} WHEN ${isGrouped} THEN ${joined} END`;
}

/** A sign before or after the number, also between it and its plus or minus; groups 1 and 2 are the number. */
function signsPattern(signs: readonly string[]): string {
  const blank = '[ \u00a0\u202f]?';
  const any = signs.map((sign) => sign.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('|');
  return `^(?:(?:${any})${blank})?([+-]?)(?:(?:${any})${blank})?([0-9.,].*?)(?:${blank}(?:${any}))?$`;
}

/** Groups of three digits; of two before the last, as in India. */
function groupPatterns(given: string): { separator: string; grouped: string } {
  const separator = SEPARATORS[given] ?? `[${given}]`;
  const not = `[^0-9${separator.slice(1)}`;
  const grouped = `[+-]?[0-9]{1,3}(?:${separator}[0-9]{2,3})*${separator}[0-9]{3}(?:${not}[^${separator.slice(1)}*)?`;
  return { separator, grouped };
}
