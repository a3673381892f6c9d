/** JSON of every form, clean and damaged. */
import fc from 'fast-check';

interface JsonInput {
  bytes: Buffer;
  options: Record<string, unknown>;
}

const TOKENS = [
  '1', '-0', '0.10', '1e400', '9007199254740993', '-12.50', '123456789012345678901234567890', '1E2', '1.0',
  'true', 'false', 'null', '""', '"a"', '"00012"', '"12"', '"1.5"', '"true"', '"é😀"', String.raw`"\u00e9\ud83d\ude00"`,
  String.raw`"a\"b\\\/\n\t\u0001\u0002"`, '"a,b]}{["', '"2024-01-31"', '[]', '{}', '[1, 2.50 ,"x y"]', '{"p": {"q":0.10}, "r":[{}]}',
]; // prettier-ignore
const BAD_TOKENS = [
  'NaN', '-Infinity', 'nul', '01', '+1', '1.', '.5', '[1,]', '{"a":1,}', "'a'", '"\t"', String.raw`"\ud800"`, String.raw`"\x"`,
  String.raw`"\u0000"`, '{"p":1,"p":2}', '', '"open', '[[', '"\u0000"', ']', '}', '7 8',
]; // prettier-ignore
export const KEYS = ['a', 'b', 'c d', 'é', String.raw`\u0061b`];
const BLANKS = ['', ' ', '  ', '\t'];

const blank = fc.constantFrom(...BLANKS);
const token = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom(...TOKENS) },
  { weight: 1, arbitrary: fc.constantFrom(...BAD_TOKENS) },
);
const members = fc.oneof(
  { weight: 8, arbitrary: fc.subarray(KEYS) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom(...KEYS), { maxLength: 6 }) },
);
/** A record of keys in their order, or in any. */
export const dirtyRecord = fc
  .tuple(members, fc.array(token, { minLength: 6, maxLength: 6 }), blank, blank)
  .map(([keys, values, before, after]) => {
    const pairs = keys.map((key, at) => `"${key}"${before}:${after}${values[at]}`);
    return `{${before}${pairs.join(`${after},${before}`)}${after}}`;
  });
const records = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: dirtyRecord },
    { weight: 1, arbitrary: fc.constantFrom('7', '[1]', '', 'null') },
  ),
  { maxLength: 12 },
);
const newline = fc.constantFrom('\n', '\n', '\r\n', '\n\n', ' \n\t');

const lines = fc.tuple(records, newline, fc.boolean(), fc.boolean()).map(([all, end, last, mark]) => ({
  text: (mark ? '\ufeff' : '') + all.join(end) + (last ? end : ''),
  options: { format: 'ndjson' },
}));
const array = fc.tuple(records, newline, blank).map(([all, end, pad]) => ({
  text: `${pad}[${end}${all.filter((one) => one !== '').join(`${pad},${end}`)}${pad}]${end}`,
  options: { format: 'array' },
}));
const document = fc.tuple(records, records, newline).map(([first, second, end]) => {
  const list = (all: readonly string[]): string => `[${all.filter((one) => one !== '').join(`,${end}`)}]`;
  return {
    text: `{"meta":{"n":[1,"]"]},${end}"pages":[{"items":${list(first)}},${end}{"x":null,"items":${list(second)}}]}`,
    options: {},
  };
});
const PATHS = [
  '$.pages[*].items',
  '$.pages[*].items[*]',
  '$["pages"][1].items',
  '$..items',
  '$.pages[?@.items].items[*]',
];

/** One byte is replaced, removed, or put in; or the end is missing. */
const damage = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  byte: fc.constantFrom(...Buffer.from('{}[],:"\\ \n\r0e-x\0'), 0xff, 0xc3),
  how: fc.constantFrom('replace', 'remove', 'insert', 'cut'),
});

function damaged(text: string, found: { at: number; byte: number; how: string } | null): Buffer {
  const bytes = Buffer.from(text);
  if (!found || bytes.length === 0) return bytes;
  const at = Math.min(bytes.length - 1, Math.floor(found.at * bytes.length));
  const after = bytes.subarray(found.how === 'insert' ? at : at + 1);
  const between = found.how === 'remove' ? [] : [found.byte];
  return found.how === 'cut'
    ? bytes.subarray(0, at)
    : Buffer.concat([bytes.subarray(0, at), Buffer.from(between), after]);
}

export const dirtyJson: fc.Arbitrary<JsonInput> = fc
  .record({
    input: fc.oneof(
      lines,
      array,
      fc
        .tuple(document, fc.constantFrom(...PATHS))
        .map(([{ text }, record_path]) => ({ text, options: { record_path } })),
    ),
    damage: fc.option(damage, { freq: 2 }),
    flatten: fc.option(fc.constantFrom('_', '.')),
    columns: fc.option(fc.constantFrom(['a', 'é', 'zz'], ['b']), { freq: 4 }),
    null_values: fc.constantFrom([''], [], ['a', '00012']),
  })
  .map(({ input, damage, flatten, columns, null_values }) => ({
    bytes: damaged(input.text, damage),
    options: {
      ...input.options,
      null_values,
      ...(flatten !== null && { flatten }),
      ...(columns && { columns }),
    },
  }));
