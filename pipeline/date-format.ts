/** Formats of dates and times as in strptime: `%d.%m.%Y`. A text in such a format is written anew as ISO 8601, then checked like any other. */
import { literal } from './sql-text';

/** A format as a pattern of the common subset of JavaScript and RE2, and the parts that its groups are. */
export interface DateFormat {
  pattern: string;
  /** Directives, in the order of the groups. */
  parts: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const FULL_MONTHS = [
  ...['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october'],
  ...['november', 'december'],
];
const anyCase = (word: string): string => word.replace(/./g, (char) => `[${char}${char.toUpperCase()}]`);
const anyOf = (words: readonly string[]): string => words.map(anyCase).join('|');

/** One or two digits between other characters; beside digits exactly two, so that a text has one meaning. */
const SHORT = new Set(['d', 'm', 'H', 'I', 'M', 'S']);
const PATTERNS: Readonly<Record<string, string>> = {
  Y: '[0-9]{4}',
  y: '[0-9]{2}',
  f: '[0-9]{1,6}',
  b: anyOf(MONTHS),
  B: anyOf(FULL_MONTHS),
  p: '[aApP][mM]',
  z: 'Z|[+-][0-9]{2}(?::?[0-9]{2})?',
  a: '[A-Za-z]{3}',
  A: '[A-Za-z]+',
};
const ALIASES: Readonly<Record<string, string>> = { F: '%Y-%m-%d', T: '%H:%M:%S', R: '%H:%M' };
const NUMERIC = new Set([...SHORT, 'Y', 'y', 'f']);
const DATE_PARTS = ['Y', 'y', 'm', 'b', 'B', 'd', 'a', 'A'];

const known = new Map<string, DateFormat>();

/** @throws RangeError that says what is wrong with the format */
export function parseDateFormat(format: string): DateFormat {
  const found = known.get(format);
  if (found) return found;
  const tokens = [...expandAliases(format).matchAll(/%-?(.)|([^%])|%/gsu)].map(([all, directive, char]) => {
    if (directive === '%') return { text: '%' };
    if (char !== undefined) return { text: char };
    if (directive === undefined || !(SHORT.has(directive) || directive in PATTERNS))
      throw new RangeError(`has no directive ${all}`);
    return { directive };
  });
  const parts: string[] = [];
  const pattern = tokens.map((token, index) => {
    if (token.text !== undefined) return escape(token.text);
    const { directive } = token;
    if (parts.includes(directive)) throw new RangeError(`has %${directive} twice`);
    parts.push(directive);
    if (!SHORT.has(directive)) return `(${PATTERNS[directive]})`;
    const beside = [tokens[index - 1], tokens[index + 1]];
    const inDigits = beside.some(
      (one) => one && (NUMERIC.has(one.directive ?? '') || /[0-9]/.test(one.text ?? '')),
    );
    return inDigits ? '([0-9]{2})' : '([0-9]{1,2})';
  });
  const compiled = { pattern: pattern.join(''), parts };
  known.set(format, compiled);
  return compiled;
}

function expandAliases(format: string): string {
  return format.replace(/%([FTR])/g, (_, alias: string) => ALIASES[alias] ?? '');
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/** Why a format is none, or null. @param withTime whether it must have a time of day, or must not */
export function explainFormat(format: string, withTime: boolean): string | null {
  let parts: readonly string[];
  try {
    ({ parts } = parseDateFormat(format));
  } catch (error) {
    return error instanceof RangeError ? error.message : String(error);
  }
  const has = (...some: string[]): boolean => some.filter((part) => parts.includes(part)).length === 1;
  if (!has('Y', 'y') || !has('m', 'b', 'B') || !has('d')) return 'needs one year, one month and one day';
  const times = parts.filter((part) => !DATE_PARTS.includes(part));
  if (!withTime) return times.length > 0 ? `has a time of day (%${times[0]})` : null;
  if (!has('H', 'I')) return 'needs an hour (%H or %I)';
  return parts.includes('I') === parts.includes('p') ? null : 'needs %I and %p together';
}

/** The text as ISO 8601, or null where it is not in the format. Days that do not exist are not noticed. */
export function readDate(text: string, format: string): string | null {
  const { pattern, parts } = parseDateFormat(format);
  const groups = new RegExp(`^(?:${pattern})$`).exec(text);
  if (!groups) return null;
  const of = (part: string): string | undefined =>
    parts.includes(part) ? groups[parts.indexOf(part) + 1] : undefined;
  const two = (value: string | undefined): string => (value ?? '00').padStart(2, '0');
  const month = of('b') ?? of('B');
  const day = [
    of('Y') ?? `${(of('y') ?? '') >= '69' ? '19' : '20'}${of('y')}`,
    month === undefined ? two(of('m')) : two(String(MONTHS.indexOf(month.slice(0, 3).toLowerCase()) + 1)),
    two(of('d')),
  ].join('-');
  if (!parts.includes('H') && !parts.includes('I')) return day;
  const hour = of('H') ?? hourOf(Number(of('I')), of('p') ?? '');
  if (hour === undefined) return null;
  const fraction = parts.includes('f') ? `.${of('f')}` : '';
  return `${day} ${two(hour)}:${two(of('M'))}:${two(of('S'))}${fraction}${of('z') ?? ''}`;
}

function hourOf(hour: number, half: string): string | undefined {
  if (hour < 1 || hour > 12) return undefined;
  return String((hour % 12) + (/p/i.test(half) ? 12 : 0));
}

/** {@link readDate} as SQL. */
export function readDateSql(text: string, format: string): string {
  const { pattern, parts } = parseDateFormat(format);
  const of = (part: string): string =>
    `regexp_extract(${text}, ${literal(`^(?:${pattern})$`)}, ${parts.indexOf(part) + 1})`;
  const two = (part: string): string => (parts.includes(part) ? `lpad(${of(part)}, 2, '0')` : `'00'`);
  const name = ['b', 'B'].find((part) => parts.includes(part));
  const names = `[${MONTHS.map(literal).join(', ')}]`;
  const terms = [
    parts.includes('Y') ? of('Y') : `CASE WHEN ${of('y')} >= '69' THEN '19' ELSE '20' END || ${of('y')}`,
    `'-'`,
    name ? `lpad(list_position(${names}, lower(left(${of(name)}, 3)))::VARCHAR, 2, '0')` : two('m'),
    `'-'`,
    two('d'),
  ];
  if (parts.includes('H') || parts.includes('I')) {
    const half = `CASE WHEN lower(${of('p')}) = 'pm' THEN 12 ELSE 0 END`;
    const hour = `try_cast(${of('I')} AS INT)`;
    const of12 = `CASE WHEN ${hour} BETWEEN 1 AND 12 THEN lpad((${hour} % 12 + ${half})::VARCHAR, 2, '0') END`;
    terms.push(`' '`, parts.includes('H') ? two('H') : `(${of12})`, `':'`, two('M'), `':'`, two('S'));
    if (parts.includes('f')) terms.push(`'.'`, of('f'));
    if (parts.includes('z')) terms.push(of('z'));
  }
  const iso = terms.map((term) => (term.startsWith('CASE') ? `(${term})` : term)).join(' || ');
  return `CASE WHEN regexp_full_match(${text}, ${literal(pattern)}) THEN ${iso} END`;
}
