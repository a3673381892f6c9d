/** Options that would make columns of text into columns of values, by a sample: proposed to the user, never applied. */
import { readDate } from '../../pipeline/date-format';
import { evidenceOfText, mergeEvidence, NO_EVIDENCE, typeOfEvidence } from '../../pipeline/schema';
import { rulesOf, type TextRules } from '../../pipeline/types';

/** What would help a column, for users. */
export interface Proposal {
  column: string;
  /** The options to set, as YAML. */
  options: string;
}

const NULL_WORDS = new Set(
  String.raw`NA N/A n/a #N/A NULL null Null None none nil NaN nan - -- \N ? .`.split(' '),
);
const DATE_FORMATS = [
  '%d.%m.%Y',
  '%d/%m/%Y',
  '%m/%d/%Y',
  '%d-%m-%Y',
  '%m-%d-%Y',
  '%Y/%m/%d',
  '%Y.%m.%d',
  '%d.%m.%y',
  '%d/%m/%y',
  '%m/%d/%y',
  '%d %b %Y',
  '%d-%b-%Y',
  '%d-%b-%y',
  '%b %d, %Y',
  '%B %d, %Y',
];
const TIMES = ['%H:%M:%S', '%H:%M', '%I:%M:%S %p', '%I:%M %p'];
const SIGNS = ['€', '$', '£', '¥', '₹', '%'];
const FORMS: readonly Partial<TextRules>[] = [
  { thousands_separator: ',' },
  { decimal_separator: ',' },
  { decimal_separator: ',', thousands_separator: '.' },
  { thousands_separator: ' ' },
  { thousands_separator: "'" },
];
/** Proposals of one source: more are not read. */
const PROPOSALS_MAX = 10;

/** @param records texts in the order of `columns`, or nulls */
export function proposeOptions(
  columns: readonly string[],
  records: readonly (readonly (string | null)[])[],
  rules: TextRules,
  nulls: readonly string[],
): Proposal[] {
  const found: Proposal[] = [];
  for (const [index, column] of columns.entries()) {
    if (found.length === PROPOSALS_MAX) break;
    const texts = records.map((record) => record[index]).filter((text) => text != null);
    const options = proposeFor(texts, rulesOf(rules, column), nulls);
    if (options.length > 0) found.push({ column, options: options.join(', ') });
  }
  return found;
}

function proposeFor(texts: readonly string[], rules: TextRules, nulls: readonly string[]): string[] {
  const isText = (some: readonly string[], by: TextRules): boolean => {
    let merged = NO_EVIDENCE;
    // Evidence only widens: what is text once stays text.
    return some.some((text) => {
      merged = mergeEvidence(merged, evidenceOfText(text, by));
      return typeOfEvidence(merged).kind === 'string';
    });
  };
  if (!isText(texts, rules)) return [];
  const words = [...new Set(texts.filter((text) => NULL_WORDS.has(text)))];
  const rest = texts.filter((text) => !NULL_WORDS.has(text));
  if (rest.length === 0) return [];
  const nullValues = words.length > 0 ? [`null_values: ${JSON.stringify([...nulls, ...words])}`] : [];
  if (!isText(rest, rules)) return nullValues;
  const signs = SIGNS.filter((sign) => rest.some((text) => text.includes(sign)));
  for (const form of [{}, ...FORMS]) {
    const signed = { ...form, ...(signs.length > 0 && { number_signs: signs }) };
    // A form that is declared already is not another one.
    const changed = Object.entries(signed).filter(([name]) => !isSet(rules, name));
    if (
      changed.length === 0 ||
      changed.length < Object.keys(signed).length ||
      isText(rest, { ...rules, ...signed })
    )
      continue;
    return [...nullValues, ...changed.map(([name, value]) => `${name}: ${JSON.stringify(value)}`)];
  }
  return proposeFormat(rest, nullValues);
}

function isSet(rules: TextRules, name: string): boolean {
  const value = (rules as unknown as Record<string, unknown>)[name];
  return name === 'decimal_separator' ? value === ',' : value !== undefined;
}

/** Two formats may fit: only the user knows whether 01/02/2026 is in January. */
function proposeFormat(texts: readonly string[], nullValues: readonly string[]): string[] {
  const fitting = (formats: readonly string[]): string[] =>
    formats.filter((format) => texts.every((text) => isDay(readDate(text, format))));
  const dates = fitting(DATE_FORMATS);
  const name = dates.length > 0 ? 'date_format' : 'timestamp_format';
  const found =
    dates.length > 0 ? dates : fitting(DATE_FORMATS.flatMap((day) => TIMES.map((time) => `${day} ${time}`)));
  if (found.length === 0) return [];
  return [
    ...nullValues,
    `${name}: ${found
      .slice(0, 2)
      .map((one) => JSON.stringify(one))
      .join(' or ')}`,
  ];
}

function isDay(iso: string | null): boolean {
  return iso !== null && evidenceOfText(iso, { decimal_separator: '.' }).kind !== 'string';
}
