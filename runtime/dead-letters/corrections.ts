/** Letters as a file that a person or a script corrects, and back: NDJSON, or CSV for a table. */
import { parse } from 'csv-parse/sync';
import type { DeadLetter, LetterData, QueueHead } from '../../pipeline/dead-letter';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { jsonMembers, jsonText, jsonValue } from '../../pipeline/json-text';
import { hintForName } from '../../pipeline/suggest';

export type LetterFormat = 'ndjson' | 'csv';

/** The columns of a CSV file beside those of the records, which never have such names. */
const NUMBER = '_flexetl_letter';
const RUN = '_flexetl_run_key';
const ABOUT = [NUMBER, RUN, '_flexetl_place', '_flexetl_failures', '_flexetl_raw'] as const;

/** The lines of a file of letters, each with its line break. */
export async function* formatLetters(
  head: QueueHead,
  letters: AsyncIterable<DeadLetter>,
  format: LetterFormat,
): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine([...ABOUT, ...head.columns]);
  for await (const letter of letters) {
    if (format === 'ndjson') yield `${JSON.stringify(letter)}\n`;
    else {
      const { file, line, failures, raw, data } = letter;
      const why = failures.map(({ column, reason }) => (column === null ? reason : `${column}: ${reason}`));
      const about = [String(letter.letter), head.run_key, `${file}:${line}`, why.join('; ')];
      const values = head.columns.map((name) => data?.[name] ?? null);
      yield csvLine([...about, data ? null : raw, ...values]);
    }
  }
}

/** An empty field is a null, and `""` an empty text. */
function csvLine(fields: readonly (string | null)[]): string {
  const quote = (field: string | null): string => {
    if (field === null) return '';
    return field === '' || /[",\r\n]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
  };
  return `${fields.map(quote).join(',')}\n`;
}

/** What a file says of a letter. */
export interface Correction {
  letter: number;
  /** Columns that are not in it stay as they were. */
  data: LetterData | null;
  /** Line of the file, for messages. */
  line: number;
}

/**
 * The corrections of a file, in its order.
 * @param name of the file, for messages; `.csv` is CSV, anything else NDJSON
 * @throws FlexetlError USAGE
 */
export function parseCorrections(head: QueueHead, text: string, name: string): Correction[] {
  const plain = text.replace(/^\uFEFF/, '');
  const found = /\.csv$/i.test(name) ? parseCsv(head, plain, name) : parseNdjson(head, plain, name);
  const lines = new Map<number, number>();
  for (const { letter, line, data } of found) {
    const where = `${name}:${line}`;
    const before = lines.get(letter);
    if (before !== undefined) throw wrong(`${where}: letter ${letter} is also in line ${before}.`);
    lines.set(letter, line);
    for (const [column, value] of Object.entries(data ?? {})) {
      if (!head.columns.includes(column))
        throw wrong(
          `${where}: the records have no column "${column}".`,
          hintForName(column, head.columns, 'columns'),
        );
      if (value !== null && BAD_TEXT.test(value))
        throw wrong(`${where}: "${column}" has a NUL character or an incomplete character.`);
    }
  }
  return found;
}

/** NUL, and half of a surrogate pair. */
const BAD_TEXT = /\0|\p{Surrogate}/u;

function parseNdjson(head: QueueHead, text: string, name: string): Correction[] {
  return text.split('\n').flatMap((written, index) => {
    if (written.trim() === '') return [];
    const line = index + 1;
    const where = `${name}:${line}`;
    try {
      JSON.parse(written);
    } catch (error) {
      throw wrong(`${where} is not JSON: ${messageOf(error).split(' in JSON')[0]}.`);
    }
    const members = new Map(
      jsonMembers(written, jsonValue(written).start).map((member) => [member.key, member]),
    );
    const textOf = (key: string): string | null => {
      const member = members.get(key);
      return member ? jsonText(written, member) : null;
    };
    const data = members.get('data');
    if (data && !['{', 'n'].includes(written[data.start] ?? ''))
      throw wrong(`${where}: "data" is neither an object nor null.`);
    // Numbers are taken as they are written, with all their digits.
    const values = data && written[data.start] === '{' ? jsonMembers(written, data.start) : undefined;
    return [
      {
        letter: numberOf(head, textOf('letter'), textOf('run_key'), where),
        data: values
          ? Object.fromEntries(values.map((member) => [member.key, jsonText(written, member)]))
          : null,
        line,
      },
    ];
  });
}

interface CsvRecord {
  record: Record<string, string | null>;
  info: { lines: number };
}

function parseCsv(head: QueueHead, text: string, name: string): Correction[] {
  let records: CsvRecord[];
  try {
    records = parse(text, {
      columns: true,
      info: true,
      skip_empty_lines: true,
      cast: (value, { quoting, header }) => (value === '' && !quoting && !header ? null : value),
    }) as unknown as CsvRecord[];
  } catch (error) {
    throw wrong(`${name} is not CSV: ${messageOf(error)}.`);
  }
  return records.map(({ record, info }) => {
    const values = Object.entries(record).filter(
      ([column]) => !(ABOUT as readonly string[]).includes(column),
    );
    const isGiven = values.some(([, value]) => value !== null);
    return {
      letter: numberOf(head, record[NUMBER] ?? null, record[RUN] ?? null, `${name}:${info.lines}`),
      data: isGiven ? Object.fromEntries(values) : null,
      line: info.lines,
    };
  });
}

function numberOf(head: QueueHead, letter: string | null, runKey: string | null, where: string): number {
  if (runKey !== null && runKey !== head.run_key)
    throw wrong(
      `${where} is of the queue of run ${runKey}, and this is the one of ${head.run_key}.`,
      `To replay that one: --run-key ${JSON.stringify(runKey)}.`,
    );
  const number = Number(letter);
  if (letter !== null && Number.isInteger(number) && number >= 1 && number <= head.records) return number;
  throw wrong(
    `${where}: ${letter === null ? 'the number of the letter is missing' : `there is no letter ${letter}`}, expected 1 to ${head.records}.`,
    'Every line keeps the number of its letter, as `flexetl dlq export` writes it.',
  );
}

function wrong(message: string, hint?: string): FlexetlError {
  return new FlexetlError('USAGE', { message, hint });
}
