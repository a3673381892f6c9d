/** The JSON source beside a parser of another hand, which keeps numbers as they are written: lossless-json. */
import fc from 'fast-check';
import { isLosslessNumber, parse } from 'lossless-json';
import { withDuckdb } from '../../runtime/duckdb';
import { json } from '../../sources/json';
import { makeMemoryFolder } from '../support/folder';
import { landAll, openSandbox, readRepaired, type Values } from '../support/source-sandbox';

const KEYS = ['id', 'name é', 'amount', 'tags', 'address'];
const RECORDS = 400;
const FILES = 6;

const digits = (minLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength, maxLength: 40 });
const number = fc
  .tuple(fc.boolean(), digits(0), fc.option(digits(1)), fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e-', 'E+'), fc.nat(400))))
  .map(([minus, whole, fraction, exponent]) => {
    const digitsBefore = whole.replace(/^0+/, '') || '0';
    return `${minus ? '-' : ''}${digitsBefore}${fraction === null ? '' : `.${fraction}`}${exponent ? exponent.join('') : ''}`;
  }); // prettier-ignore
const text = fc
  .tuple(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.boolean())
  .map(([characters, escaped]) => {
    const quoted = JSON.stringify(characters);
    if (!escaped) return quoted;
    return quoted.replace(
      /[^ -~]/g,
      (one) => String.raw`\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  });
const blank = fc.constantFrom('', '', ' ', '\t ');
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'json' },
    fc.oneof(number, text, fc.constantFrom('true', 'false', 'null')),
    fc.tuple(fc.array(tie('value'), { maxLength: 4 }), blank).map(([all, pad]) => `[${pad}${all.join(`,${pad}`)}]`),
    fc
      .tuple(fc.uniqueArray(text, { maxLength: 4, selector: (key) => JSON.parse(key) as string }), fc.array(tie('value'), { minLength: 4, maxLength: 4 }), blank)
      .map(([keys, all, pad]) => `{${keys.map((key, at) => `${key}${pad}:${pad}${all[at]}`).join(',')}${pad}}`),
  ),
})); // prettier-ignore
const keys = fc.oneof({ weight: 3, arbitrary: fc.subarray(KEYS) }, fc.shuffledSubarray(KEYS));
const record = fc
  .tuple(keys, fc.array(value, { minLength: KEYS.length, maxLength: KEYS.length }), blank)
  .map(
    ([names, values, pad]) => `{${names.map((name, at) => `"${name}":${pad}${values[at]}`).join(`,${pad}`)}}`,
  );
const damaged = fc
  .tuple(record, fc.nat(1e6), fc.constantFrom('', ...'{}[],:"\\ \n\t.0e-x'))
  .map(([whole, place, character]) => [...whole].with(place % [...whole].length, character).join(''));
const line = fc.oneof({ weight: 8, arbitrary: record }, damaged);

/** Texts that are JSON, but no text of a table. */
const UNUSABLE = /[\0\p{Surrogate}]/u;

const isNested = (found: unknown): boolean =>
  typeof found === 'object' && found !== null && !isLosslessNumber(found);

function isUsable(found: unknown): boolean {
  if (typeof found === 'string') return !UNUSABLE.test(found);
  return (
    !isNested(found) ||
    Object.entries(found as object).every(([key, inner]) => !UNUSABLE.test(key) && isUsable(inner))
  );
}

/** What the other parser makes of a line; undefined for one that is no record. */
function parseLine(text: string): Record<string, unknown> | undefined {
  try {
    const found = parse(text);
    const isRecord = isNested(found) && !Array.isArray(found) && isUsable(found);
    return isRecord ? (found as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** As the other parser finds a value: a nested one is JSON text in a column, and an empty text is null. */
function parseNested(row: Values, theirs: Record<string, unknown>): unknown[] {
  return row.map((ours, column) => (isNested(theirs[KEYS[column] as string]) ? parse(ours ?? '') : ours));
}

function textsOf(theirs: Record<string, unknown>): unknown[] {
  return KEYS.map((key) => {
    const found = theirs[key];
    return isNested(found) ? found : found === undefined || found === null || found === '' ? null : String(found);
  });
} // prettier-ignore

it('agrees on which of thousands of lines are records, and on every value', async () => {
  const seen = { good: 0, broken: 0 };
  const sandbox = openSandbox(makeMemoryFolder());
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: RECORDS, maxLength: RECORDS }), async (lines) => {
      const bytes = lines.join('\n');
      const { context } = sandbox.freshRun();
      const options = { path: sandbox.write('in.json', bytes), format: 'ndjson', columns: KEYS };
      const source = json.open(json.options.parse(options), context);
      const { survey, partitions } = await landAll(source, 1e9);
      const found = await withDuckdb({ dir: sandbox.dir, memoryMb: 200, threads: 1 }, (db) =>
        readRepaired(db, source, survey, partitions[0] as (typeof partitions)[0]),
      );
      const records = bytes.split('\n').filter((one) => one.trim() !== '').map(parseLine); // prettier-ignore
      const broken = [...records.keys()].filter((at) => records[at] === undefined);
      expect(found.broken).toEqual(broken);
      const good = records.filter((one) => one !== undefined);
      expect(found.rows.map((row, at) => parseNested(row, good[at] ?? {}))).toEqual(good.map(textsOf));
      seen.good += good.length;
      seen.broken += broken.length;
    }),
    { numRuns: FILES },
  );
  expect(seen.good).toBeGreaterThan(RECORDS * FILES * 0.8);
  expect(seen.broken).toBeGreaterThan(RECORDS / 10);
});
