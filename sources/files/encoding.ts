/** Text encodings by name: those of the WHATWG, the code pages of DOS, and the names that Python has for them. */
import { z } from 'zod';

export interface Encoding {
  /** `utf-8`, `windows-1252`, `cp850` … */
  name: string;
  isUtf8: boolean;
  /** Decodes a text piece by piece. It throws for bytes that the encoding does not have, and drops a byte order mark. */
  openDecoder(): Promise<(bytes: Uint8Array, last: boolean) => string>;
}

/** Code pages of DOS that the WHATWG does not have. */
const DOS_PAGES = [437, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 869];

/** Names of Python and Windows, with dashes for underscores, that the WHATWG writes in another way. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  'utf-8-sig': 'utf-8',
  'utf8-sig': 'utf-8',
  u8: 'utf-8',
  cp65001: 'utf-8',
  'utf-16-le': 'utf-16le',
  'utf-16-be': 'utf-16be',
  'latin-1': 'windows-1252',
  l1: 'windows-1252',
  'latin-9': 'iso-8859-15',
  'mac-roman': 'macintosh',
  'mac-cyrillic': 'x-mac-cyrillic',
  cp874: 'windows-874',
  cp932: 'shift_jis',
  'ms-kanji': 'shift_jis',
  'shift-jis': 'shift_jis',
  cp936: 'gbk',
  cp949: 'euc-kr',
  cp950: 'big5',
  'iso2022-jp': 'iso-2022-jp',
};

/** An option for the encoding of a source's text. */
export function encodingOption() {
  return z
    .string()
    .refine((name) => findEncoding(name) !== undefined, {
      message: 'must be an encoding such as utf-8, utf-16le, windows-1252 or cp850',
    })
    .default('utf-8')
    .describe(
      'The text encoding: by its WHATWG name and table (where latin1 is windows-1252), a code page of DOS such as cp850, or a name that Python has for one of them.',
    );
}

/** The encoding of a name; case, underscores and dashes do not matter. */
export function findEncoding(name: string): Encoding | undefined {
  const dashed = name.trim().toLowerCase().replaceAll(/[_ ]/g, '-');
  const page = /^(?:cp|ibm|dos)?-?(\d{3})$/.exec(dashed)?.[1];
  if (page !== undefined && DOS_PAGES.includes(Number(page))) return dosEncoding(`cp${page}`);
  const label = [OTHER_NAMES[dashed], name, dashed].find((one) => one !== undefined && isWhatwg(one));
  return label === undefined ? undefined : whatwgEncoding(new TextDecoder(label).encoding);
}

/** @throws RangeError if there is none: the option has refused such a name */
export function encodingOf(name: string): Encoding {
  const encoding = findEncoding(name);
  if (!encoding) throw new RangeError(`There is no encoding ${name}.`);
  return encoding;
}

function isWhatwg(label: string): boolean {
  try {
    return new TextDecoder(label, { fatal: true }).encoding !== '';
  } catch {
    return false;
  }
}

/** Characters that windows-1252 and its like do not have; the WHATWG takes their bytes for control characters. */
const UNDEFINED = /[\x80-\x9f]/;

function whatwgEncoding(name: string): Encoding {
  return {
    name,
    isUtf8: name === 'utf-8',
    openDecoder() {
      const decoder = new TextDecoder(name, { fatal: true });
      return Promise.resolve((bytes, last) => {
        // Always `stream: true` for the bytes: without it Node 20 decodes windows-1252 as ISO-8859-1.
        const text = decoder.decode(bytes, { stream: true }) + (last ? decoder.decode() : '');
        if (name.startsWith('windows-') && UNDEFINED.test(text)) throw new RangeError('undefined');
        return text;
      });
    },
  };
}

function dosEncoding(name: string): Encoding {
  return {
    name,
    isUtf8: false,
    async openDecoder() {
      const { default: iconv } = await import('iconv-lite');
      return (bytes) => {
        const text = iconv.decode(bytes, name);
        if (text.includes('\ufffd')) throw new RangeError('undefined');
        return text;
      };
    },
  };
}
