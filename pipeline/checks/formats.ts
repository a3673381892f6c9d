/** What the text of a column can be required to be. Each pattern is RE2 and matches the whole text. */
import { literal } from '../sql';

interface Format {
  /** `not …` is the reason of a text that is none. */
  words: string;
  pattern: string;
  /** A type to which the text must be castable: the pattern alone would allow February 30. */
  castable?: string;
}

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const BYTE = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const DAY = '[0-9]{4}-[0-9]{2}-[0-9]{2}';

export const FORMATS = {
  email: {
    words: 'an e-mail address',
    // As browsers check it, and at least one dot after the @.
    pattern: `[A-Za-z0-9.!#$%&'*+/=?^_\`{|}~-]{1,64}@${LABEL}(?:\\.${LABEL})+`,
  },
  url: {
    words: 'a URL of http or https',
    pattern: `(?i:https?)://(?:[^\\s/?#@]*@)?(?:${LABEL}(?:\\.${LABEL})*\\.?|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?(?:[/?#]\\S*)?`,
  },
  uuid: { words: 'a UUID', pattern: '[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}' },
  date: { words: 'a date such as 2026-01-31', pattern: DAY, castable: 'DATE' },
  datetime: {
    words: 'a time such as 2026-01-31T12:00:00Z',
    pattern: `${DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])`,
    castable: 'TIMESTAMPTZ',
  },
  ipv4: { words: 'an IPv4 address', pattern: `(?:${BYTE}\\.){3}${BYTE}` },
  phone: { words: 'a phone number such as +4930123456', pattern: '\\+[1-9][0-9]{6,14}' },
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;

export const FORMAT_NAMES = Object.keys(FORMATS) as [FormatName, ...FormatName[]];

/** SQL that is true for a text that is not of the format; null for null. */
export function formatFails(name: FormatName, text: string): string {
  const { pattern, castable }: Format = FORMATS[name];
  const misfits = `NOT regexp_full_match(${text}, ${literal(pattern)})`;
  return castable === undefined
    ? misfits
    : `${misfits} OR (${text} IS NOT NULL AND try_cast(${text} AS ${castable}) IS NULL)`;
}
