/** The two ways from the bytes of a JSON record to a row: in one go, and by the places of its values. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { doPass } from '../../sources/json/pass';
import { createRecordReader } from '../../sources/json/record';
import { createValueWriter, rowBytesMax, WORD_BYTES, writeRow } from '../../sources/json/rows';
import { createUsualRows } from '../../sources/json/usual-rows';
import { dirtyRecord } from '../support/dirty-json';
import { makeMemoryFolder } from '../support/folder';

const COLUMNS = ['a', 'b', 'c d', 'é', 'ab'];

interface Rules {
  oneLine: boolean;
  flatten?: string | undefined;
  nullValues: readonly string[];
}

interface Written {
  /** The offset after the record. */
  end: number;
  row: string;
  textColumns: number[];
}

/** @param before bytes before the record, so that it starts anywhere in a word */
function writeBoth(text: string, rules: Rules, before = 0): { usual?: Written; other?: Written } {
  const columns = rules.flatten === undefined ? COLUMNS : [...COLUMNS, `a${rules.flatten}p`];
  const bytes = Buffer.concat([Buffer.alloc(before, ' '), Buffer.from(text), Buffer.alloc(WORD_BYTES)]);
  const to = Buffer.alloc(rowBytesMax(Buffer.byteLength(text), columns.length));
  const written = (end: number, rowEnd: number, textColumns: Uint8Array): Written => ({
    end: end - before,
    row: to.toString('utf8', 0, rowEnd),
    textColumns: [...textColumns],
  });
  const values = createValueWriter(columns.length, rules.nullValues);
  const usual = createUsualRows(columns, values, { ...rules, flattens: rules.flatten !== undefined });
  const usualEnd = usual.write(bytes, before, to, 0);
  values.keep();
  const found = usualEnd >= 0 ? { usual: written(usualEnd, usual.rowEnd, values.textColumns) } : {};
  const reader = createRecordReader({ columns, ...rules });
  const end = reader.read(bytes, before);
  if (end < 0) return found;
  const others = createValueWriter(columns.length, rules.nullValues);
  const rowEnd = writeRow(others, bytes, reader.slots, to, 0);
  others.keep();
  return { ...found, other: written(end, rowEnd, others.textColumns) };
}

const PLAIN: Rules = { oneLine: true, nullValues: [''] };

it.each([
  '{"a":1}',
  '{"a":"x","b":2.50,"c d":true,"é":null,"ab":-0}',
  '{"a": "x", "ab": [1, {"p": "q\\n"}]}',
  '{ "b" : "" , "é" : "caf\\u00e9 \\"x\\"" }',
  '{"c d":"a long text of many words, with an é and a 😀 in it"}',
  '{"é":"\\u0001\\u0002"}\n{"a":1}',
])('%s is a usual record', (text) => {
  const { usual, other } = writeBoth(text, PLAIN);
  expect(usual).toEqual(other);
  expect(usual?.end).toBe(Buffer.byteLength(text.split('\n')[0] ?? ''));
});

it.each(['{}', '{"b":1,"a":2}', '{"z":1}', '{"a":1,"a":1}', '{"a":1', '{"a":"x', '{"a":[1,]}', '{"a":NaN}', '{"a":"\\ud800"}', '{"a":01}', '{"a":1,}', '{"a":1 "b":2}'])(
  '%s is not',
  (text) => expect(writeBoth(text, PLAIN).usual).toBeUndefined(),
); // prettier-ignore

it('a number in quotes makes its column text, but not in a broken record', async () => {
  const path = join(makeMemoryFolder(), 'in.json');
  const textColumnsOf = async (text: string): Promise<string[]> => {
    writeFileSync(path, text);
    const size = Buffer.byteLength(text);
    const ranges = [{ path, start: 0, end: size, size }];
    return (await doPass({ ranges, rules: { columns: COLUMNS, nullValues: [''] }, rows: `${path}.rows` }))
      .textColumns;
  };
  const broken = ['{"a":"1","b":NaN}', '{"b":"1","a":"1",}', '{"a":"1"} {"a":"2"}', '{"a":"1"'];
  expect(await textColumnsOf(`{"b":2}\n${broken.join('\n')}\n{"a":2}\n`)).toEqual([]);
  expect(await textColumnsOf('{"b":2}\n{"a":"1"}\n{"ab":"2","b":"x"}\n')).toEqual(['a', 'ab']);
});

const place = fc.double({ min: 0, max: 0.999, noNaN: true });
const damage = fc.option(fc.tuple(place, fc.constantFrom(...'{}[],:"\\ \n\t0e-x')), { freq: 3 });
const rules = fc.record({
  oneLine: fc.boolean(),
  flatten: fc.option(fc.constantFrom('_', '.'), { freq: 4, nil: undefined }),
  nullValues: fc.constantFrom([''], [], ['a', '00012']),
});

it('a usual record is one that can be read, and its row is the same', () => {
  const counts = { usual: 0, good: 0, broken: 0 };
  fc.assert(
    fc.property(dirtyRecord, damage, rules, fc.nat(4), (record, change, how, before) => {
      const at = change ? Math.floor(change[0] * record.length) : 0;
      const text = change ? record.slice(0, at) + change[1] + record.slice(at + 1) : record;
      // A character that was cut in two is half a surrogate pair; the bytes are valid UTF-8 all the same.
      const { usual, other } = writeBoth(text, how, before);
      if (usual) expect(usual).toEqual(other);
      counts.usual += Number(usual !== undefined);
      counts[other ? 'good' : 'broken']++;
    }),
    { numRuns: 3000 },
  );
  expect(counts.usual).toBeGreaterThan(counts.good / 4);
  expect(counts.broken).toBeGreaterThan(300);
});
