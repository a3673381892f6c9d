/** The JSON source in runs through the engine: exact values, columns, places of rejects, and input that cannot be read. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import { LIMITS } from '../../pipeline/limits';
import { json } from '../../sources/json';
import { openSqlite } from '../../targets/sqlite/binding';
import { makeFolder, makeMemoryFolder } from '../support/folder';
import { readTable } from '../support/project';
import { runPipeline } from '../support/run-case';
import { landAll, openSandbox, readRecords } from '../support/source-sandbox';

type Files = Record<string, string | Uint8Array>;

/** A project whose pipeline reads `in.json`, or what the options say. */
function openProject(files: Files, options: object = {}, sections: object = {}): string {
  const dir = makeFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  const source = { type: 'json', path: 'in.json', ...options };
  const target = { type: 'sqlite', database: 'out.db', table: 't', mode: 'replace' };
  const pipeline = { name: 'things', source, targets: [target], ...sections };
  writeFileSync(join(dir, 'pipeline.yaml'), stringify({ version: '1.0', pipeline }));
  return dir;
}

async function load(text: string | Uint8Array, options: object = {}, sections: object = {}) {
  const dir = openProject({ 'in.json': text }, options, sections);
  await runPipeline(dir);
  return { rows: readTable(join(dir, 'out.db'), 't'), columns: columnsOf(dir) };
}

function columnsOf(dir: string, database = 'out.db', table = 't'): string[] {
  const db = openSqlite(join(dir, database));
  try {
    return (db.prepare(`PRAGMA table_info(${table})`).all() as { name: string; type: string }[]).map(
      ({ name, type }) => `${name} ${type}`,
    );
  } finally {
    db.close();
  }
}

const refusalOf = (text: string | Uint8Array, options: object = {}, sections: object = {}): Promise<void> =>
  runPipeline(openProject({ 'in.json': text }, options, sections)).then(() => undefined);

describe('values', () => {
  const numbers = [
    '9007199254740993',
    '1e400',
    '0.10',
    '-0',
    '883406386745030.3',
    '123456789012345678901234567890',
    '1E2',
    '0.1000000000000000055511151231257827',
  ];

  it.each(numbers)('the number %s arrives as it is written', async (number) => {
    const { rows } = await load(`{"n":${number}}\n{"n":"x"}\n`);
    expect(rows).toEqual([[number], ['x']]);
  });

  it('numbers are numbers, and strings that look like numbers are text', async () => {
    const { rows, columns } = await load('[{"id":12,"zip":"00012","code":"12","flag":true,"word":"true"}]');
    expect(rows).toEqual([['12', '00012', '12', '1', 'true']]);
    expect(columns.map((one) => one.split(' ')[1])).toEqual([
      'INTEGER',
      'TEXT',
      'TEXT',
      expect.anything(),
      'TEXT',
    ]);
  });

  it('a number in quotes behind the sample makes its column text, with all texts as they are written', async () => {
    const lines = Array.from({ length: 2 * LIMITS.sampleRecordsMax }, (_, n) => `{"n":${n}.50}\n`);
    const { rows } = await load(`${lines.join('')}{"n":"7"}\n`);
    expect([rows?.[0], rows?.at(-2), rows?.at(-1)]).toEqual([['0.50'], ['1999.50'], ['7']]);
  });

  it('a declared type takes numbers in quotes too', async () => {
    const schema = { n: { type: 'integer' } };
    const { rows, columns } = await load('{"n":1}\n{"n":"2"}\n', {}, { validation: { schema } });
    expect([rows, columns]).toEqual([[['1'], ['2']], ['n INTEGER']]);
  });

  it('dates are found in strings', async () => {
    const { columns } = await load('{"d":"2024-01-31","t":"2024-01-31T10:00:00Z"}\n');
    expect(columns).toEqual(['d DATE', 't TIMESTAMP']);
  });

  it('an empty string is null, unless null_values says otherwise', async () => {
    const text = '{"a":"","b":"NA","c":null,"d":"x"}\n{"d":"y"}\n';
    expect((await load(text)).rows).toEqual([
      [null, 'NA', null, 'x'],
      [null, null, null, 'y'],
    ]);
    const { rows } = await load(text, { null_values: ['NA'] });
    expect(rows).toEqual([
      ['', null, null, 'x'],
      [null, null, null, 'y'],
    ]);
  });

  it('escapes are read, and what JSON text allows arrives', async () => {
    const texts = ['\n\r\t\b\f"\\/', '\u0001\u0002x', '\ufeff', 'ß😀', ' x ', "it's", '\u2028'];
    const { rows } = await load(texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
    expect(rows).toEqual(texts.map((text) => [text]));
  });

  it('nested values are JSON text as it is written, without blanks between tokens', async () => {
    const { rows } = await load('{"a": {"p" : [1.10, -0 , "x y\\u00e9"],"q":{}},"b":[ ]}\n');
    expect(rows).toEqual([[String.raw`{"p":[1.10,-0,"x y\u00e9"],"q":{}}`, '[]']]);
  });

  it('flatten makes columns of nested objects, and none of an object that is null', async () => {
    const text = '{"id":1,"a":null}\n{"id":2,"a":{"b":{"c":2.50},"d":[1]}}\n{"id":3,"a":{}}\n';
    const { rows, columns } = await load(text, { flatten: '_' });
    expect(columns.map((one) => one.split(' ')[0])).toEqual(['id', 'a_b_c', 'a_d']);
    expect(rows).toEqual([
      ['1', null, null],
      ['2', '2.5', '[1]'],
      ['3', null, null],
    ]);
  });
});

describe('columns', () => {
  it('are all keys of all records, each behind the one that comes before it', async () => {
    const { columns } = await load('{"a":1,"c":1}\n{"c":2,"a":2}\n{"a":3,"b":3,"c":3,"d":3}\n');
    expect(columns.map((one) => one.split(' ')[0])).toEqual(['a', 'b', 'c', 'd']);
  });

  it('that are listed are the only ones', async () => {
    const { rows } = await load('{"a":1,"b":2,"A":3}\n{"c":[1],"b":4}\n', { columns: ['b', 'z'] });
    expect(rows).toEqual([
      ['2', null],
      ['4', null],
    ]);
  });

  it('a key that first comes behind the survey ends the run with its place, or is lost if it is null', async () => {
    const line = `{"a":"${'x'.repeat(1000)}"}\n`;
    const records = Math.ceil(LIMITS.jsonSurveyBytesMax / line.length) + 10;
    const dir = openProject({ 'in.json': line.repeat(records) });
    appendFileSync(join(dir, 'in.json'), '{"a":"y","n":null}\n');
    const project = openSandbox(dir);
    const last = async (): Promise<unknown> => {
      const source = json.open(json.options.parse({ path: 'in.json' }), project.freshRun().context);
      const { survey, partitions } = await landAll(source, 1e12);
      return source.relation(survey, partitions[0]!);
    };
    await last();
    appendFileSync(join(dir, 'in.json'), '{"a":"y","late":1}\n');
    await expect(last()).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message: expect.stringMatching(new RegExp(`in.json, line ${records + 2}, .*"late"`)),
      hint: expect.stringContaining('columns of the source'),
      places: [{ file: 'in.json', line: records + 2, record: records + 2 }],
    });
  }, 30_000);
});

describe('files', () => {
  const rows = [
    { n: 1, s: 'ä' },
    { n: 2, s: 'b' },
  ];
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const forms: [name: string, bytes: string | Uint8Array, options: object][] = [
    ['lines', lines, {}],
    ['lines with a byte order mark, CRLF and blank lines', `\ufeff\r\n${lines.replaceAll('\n', '\r\n\r\n')}`, {}],
    ['lines without a last line break', lines.trimEnd(), {}],
    ['an array on one line', JSON.stringify(rows), {}],
    ['an array on many lines', `\ufeff\n${JSON.stringify(rows, null, 2)}\n`, {}],
    ['gzip', gzipSync(lines), {}],
    ['utf-16', Buffer.from(`\ufeff${lines}`, 'utf16le'), { encoding: 'utf-16' }],
    ['windows-1252', Buffer.from(lines, 'latin1'), { encoding: 'windows-1252' }],
    ['records in a document', JSON.stringify({ meta: [{ n: 9 }], data: { items: rows } }, null, 1), { record_path: '$.data.items' }],
    ['records on a path with [*]', JSON.stringify({ p: rows.map((row) => ({ x: row })) }), { record_path: '$.p[*].x' }],
    ['records of a filter', JSON.stringify([{ n: 0 }, ...rows]), { record_path: '$[?@.n > 0]' }],
    ['an object that is the record', JSON.stringify({ a: rows[0], b: rows[1] }), { record_path: '$.*' }],
  ]; // prettier-ignore

  it.each(forms)('%s', async (_, bytes, options) => {
    expect((await load(bytes, options)).rows).toEqual([
      ['1', 'ä'],
      ['2', 'b'],
    ]);
  });

  it('of a folder are read in the order of their names, with the columns of all', async () => {
    const files: Files = { 'd/b.jsonl': '{"n":2,"x":1}\n', 'd/a.json': '[{"n":1}]', 'd/c.ndjson.gz': gzipSync('{"n":3}\n'), 'd/no.txt': '' };
    const dir = openProject(files, { path: 'd' });
    await runPipeline(dir);
    expect(readTable(join(dir, 'out.db'), 't')).toEqual([['1', null], ['2', '1'], ['3', null]]);
  }); // prettier-ignore

  it('large ones are cut, with the rows and places that they have whole', async () => {
    const all = Array.from({ length: 500 }, (_, n) => ({ n, deep: [{ s: `]}{"${n}` }] }));
    const documents: [string, object][] = [
      [all.map((one) => JSON.stringify(one)).join('\n'), {}],
      [JSON.stringify(all, null, 1), {}],
      [JSON.stringify({ pages: [{ items: all.slice(0, 7) }, { x: 1, items: all.slice(7) }] }), { record_path: '$.pages[*].items' }],
    ]; // prettier-ignore
    for (const [text, options] of documents) {
      const project = openSandbox(makeMemoryFolder());
      const path = project.write('in.json', text);
      const read = async (bytes: number) => {
        const source = json.open(json.options.parse({ path, ...options }), project.freshRun().context);
        const { survey, partitions } = await landAll(source, bytes);
        const records = await readRecords(source, survey, partitions);
        return { partitions, records: records.map(({ ordinal: _, ...record }) => record) };
      };
      const [cut, whole] = [await read(1000), await read(1e9)];
      expect([cut.partitions.length > 5, whole.partitions.length]).toEqual([true, 1]);
      expect(cut.records).toEqual(whole.records);
      expect(whole.records.map(({ values }) => values?.[0])).toEqual(all.map(({ n }) => String(n)));
    }
  });
});

describe('a broken record is a reject with its place', () => {
  const broken: [record: string, reason: string][] = [
    ['{"a":1,}', 'a comma before the end of an object'],
    ['{"a":[1,]}', 'a comma before a closing bracket'],
    ['{"a":NaN}', 'a value that JSON does not have'],
    ['{"a":-Infinity}', 'a number that JSON does not have'],
    ['{"a":01}', 'a number that JSON does not have'],
    ['{"a":1,"a":2}', 'the key "a" twice'],
    ['{"a":{"b":1,"b":2}}', 'the key "b" twice'],
    [String.raw`{"a":"\ud800"}`, 'half of a surrogate pair'],
    [String.raw`{"a":["\udfff x"]}`, 'half of a surrogate pair'],
    [String.raw`{"a":"\u0000"}`, 'NUL character'],
    [String.raw`{"a":"\x"}`, 'an escape that JSON does not have'],
    ['{"a":"\t"}', 'a control character in a text'],
    ["{'a':1}", 'something else than a key in quotes'],
    ['[1]', 'not an object'],
    ['{"a":1} {"a":2}', 'more than one value on its line'],
    ['{"a":1', 'neither a comma nor the end of the object after a value'],
    ['{"a":"x', 'a text without an end'],
    [`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'nested more than 100 levels deep'],
  ];

  it.each(broken)('in lines: %s', async (record, reason) => {
    await expect(refusalOf(`{"a":"x"}\n\n${record}\n{"a":"y"}\n`)).rejects.toMatchObject({
      code: 'RECORDS_REJECTED',
      message: expect.stringContaining('1 of 3 records'),
      places: [{ file: 'in.json', line: 3, record: 2, reason }],
    });
  });

  it.each([
    [
      'two keys that flatten joins to one',
      '{"a":{"b":1,"c":2},"a_b":9}',
      /^the key "a_b" twice, as flatten joins keys/,
    ],
    ['a key of its own and a broken value', '{"z":1,"a":NaN}', /^a value that JSON does not have/],
    ['a key of its own in quotes that do not end', '{"z":1,"a":"x', /^a text without an end/],
  ])('and not a key that no record has: %s', async (_what, record, reason) => {
    await expect(refusalOf(`{"a":"x"}\n${record}\n`, { flatten: '_' })).rejects.toMatchObject({
      code: 'RECORDS_REJECTED',
      places: [{ line: 2, reason: expect.stringMatching(reason) }],
    });
  });

  it.each(broken.slice(0, 14))('in an array: %s', async (record, reason) => {
    await expect(refusalOf(`[\n{"a":"x"},\n${record},{"a":"y"}\n]`)).rejects.toMatchObject({
      code: 'RECORDS_REJECTED',
      message: expect.stringContaining('1 of 3 records'),
      places: [{ file: 'in.json', line: 3, record: 2, reason }],
    });
  });

  it('one that is not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"x"}\n{"a":"'), Buffer.from([0xff]), Buffer.from('"}\n')]);
    await expect(refusalOf(bytes)).rejects.toMatchObject({ places: [{ line: 2, reason: 'not UTF-8' }] });
  });

  it('one that is too long', async () => {
    const long = `{"a":"${'x'.repeat(LIMITS.fieldBytesMax)}"}`;
    await expect(refusalOf(`{"a":"x"}\n${long}\n{"a":"y"}\n`)).rejects.toMatchObject({
      message: expect.stringContaining('1 of 3 records'),
      places: [{ line: 2, record: 2, reason: `a record over ${LIMITS.fieldBytesMax} bytes` }],
    });
  });
});

describe('refused with the file and what to do', () => {
  const good = '{"a":1}';
  const refused: [name: string, bytes: string | Uint8Array, options: object, says: RegExp][] = [
    ['a web page', '<!DOCTYPE html>\n<html>', {}, /in\.json is a web page \(HTML\), not JSON/],
    ['CSV', 'id,name\n1,x\n', {}, /starts with neither { nor \[/],
    ['an empty file', '', {}, /has no records, so its columns are not known/],
    ['an empty array', '[]', {}, /has no records, so its columns are not known/],
    ['records without keys', '[{},{}]', {}, /no record with a key/],
    ['lines of which none is a record', '{"a":\n{"a":\n', {}, /no record that can be read. The first one, at line 1: /],
    ['a truncated array', `[${good},\n${good},\n{"a":`, {}, /truncated.*line 3, after 2 records/],
    ['an array without its end', `[${good},${good}`, {}, /truncated.*after 2 records/],
    ['a comma behind the last record', `[${good},\n${good},\n]`, {}, /line 2.*after 2 records: a comma before the end of the array/],
    ['no comma between records', `[${good}\n${good}]`, {}, /line 2.*neither a comma nor the end of the array/],
    ['text behind the document', `[${good}]\n${good}`, {}, /line 2.*more text after the end of the document/],
    ['one object over several lines', '{\n "items": [\n{"a":1}]}', {}, /one object over several lines/],
    ['an object for an array', good, { format: 'array' }, /is one object, not an array/],
    ['a wrong record_path', `{"data":[${good}],"n":1}`, { record_path: '$.items' }, /nothing at the record_path \$\.items/],
    ['a wrong record_path further down', `{"data":{"rows":[${good}]}}`, { record_path: '$.data.items[*]' }, /nothing at/],
    ['a filter that selects nothing', `{"data":[${good}]}`, { record_path: '$..items' }, /nothing at/],
    ['a truncated document for a filter', `{"data":[${good}`, { record_path: '$..items' }, /truncated/],
    ['a key of a path that comes twice', `{"d":[${good}],"d":[]}`, { record_path: '$.d' }, /the key "d" twice/],
    ['two keys that are one column', '{"id":1,"ID":2}', {}, /key that cannot be a column/],
    ['a truncated gzip', gzipSync(`${good}\n`.repeat(1000)).subarray(0, 30), {}, /gzip/],
    ['a gzip bomb', gzipSync(Buffer.alloc(40 * 1024 * 1024, ' ')), {}, /inflates to more than/],
    ['another encoding', Buffer.from(`\ufeff${good}`, 'utf16le'), {}, /byte order mark of utf-16le/],
  ]; // prettier-ignore

  it.each(refused)('%s', async (_, bytes, options, says) => {
    await expect(refusalOf(bytes, options)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(says),
      hint: expect.stringMatching(/./),
    });
  });

  it('a file that does not exist', async () => {
    await expect(refusalOf('[]', { path: 'im.json' })).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      hint: 'Did you mean in.json?',
    });
  });

  it.each(['data', '$.', '$[?', '$.a[-'])('the record_path %s', async (record_path) => {
    await expect(refusalOf('[]', { record_path })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('a JSONPath (RFC 9535)'),
    });
  });
});

it('the example of docs/sources/json.md gives the table that the page shows', async () => {
  const page = readFileSync(join(__dirname, '../../docs/sources/json.md'), 'utf8');
  const block = (kind: string): string => new RegExp(`\`\`\`${kind}\n([^]*?)\`\`\``).exec(page)?.[1] ?? '';
  const dir = openProject({ 'data/inventory.json': block('json'), 'pipeline.yaml': '' });
  writeFileSync(join(dir, 'pipeline.yaml'), block('yaml'));
  await runPipeline(dir);
  const table = page.split('\n').filter((line) => /^\| (sku|00)/.test(line));
  const cells = table.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim() || null),
  );
  const rows = readTable(join(dir, 'output/inventory.db'), 'items');
  expect([
    columnsOf(dir, 'output/inventory.db', 'items').map((one) => one.split(' ')[0]),
    ...(rows ?? []),
  ]).toEqual(cells);
});
