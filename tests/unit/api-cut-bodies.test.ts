/** A body without a length that was cut off is no page with a broken record: it is asked for again. */
import { parseBody } from '../../sources/api/records';
import { apiOptions } from '../../sources/api/options';
import { startApi } from '../support/api/loopback-api';
import { readApi } from '../support/api/read-api';
import { openSandbox } from '../support/source-sandbox';

const root = openSandbox();

const CUT: [format: string, what: string, body: string | Buffer][] = [
  ['ndjson', 'in a line', '{"id":1}\n{"id":2}\n{"id":'],
  ['ndjson', 'in a character', Buffer.from('{"id":1}\n{"id":"Ü').subarray(0, -1)],
  ['json', 'in a text', '[{"id":1},{"id":"a'],
  ['json', 'in a character', Buffer.from('[{"id":1},{"id":"Ü').subarray(0, -1)],
  ['csv', 'in quotes', 'id,v\n1,a\n3,"c'],
  ['csv', 'in a row', 'id,v\n1,a\n3'],
  ['csv', 'in a character', Buffer.from('id,v\n1,Ü').subarray(0, -1)],
];

it.each(CUT)('%s that ends %s is asked for again', async (format, _what, body) => {
  const whole = format === 'csv' ? 'id,v\n1,a\n' : format === 'json' ? '[{"id":1}]' : '{"id":1}';
  // Without a length and without chunks: only the end of the connection ends the body.
  const server = await startApi({
    api: ({ response, count }) => {
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, { connection: 'close' }).end(count === 0 ? body : whole);
    },
  });
  try {
    const { rows } = await readApi(root.freshRun(), { url: server.urlOf('api'), format });
    expect(rows.map((row) => row?.[0])).toEqual(['1']);
    expect(server.requests).toHaveLength(2);
  } finally {
    await server.close();
  }
});

const parse = (text: string, format: string) =>
  parseBody(text, apiOptions.parse({ url: 'https://x.example', format }), 'api page 1');

it('sees it wherever a JSON line is cut', () => {
  const line = String.raw`{"a":-1.5e+10,"b":true,"d":null,"e":"x\u00e9\n\\y","f":[1,[2,{}]],"é":{"h":0}}`;
  for (let end = 1; end < line.length; end += 1)
    expect(() => parse(`{"a":1}\n${line.slice(0, end)}`, 'ndjson')).toThrow('JSON lines that end too early');
  expect(parse(`{"a":1}\n${line}`, 'ndjson').records).toHaveLength(2);
});

it.each([
  ['a last line that is broken otherwise', 'ndjson', '{"a":1}\n{"a":NaN}', 2],
  ['a broken line with a line end', 'ndjson', '{"a":1}\n{"a":\n', 2],
  ['a last row without a line end', 'csv', 'a,b\n1,2\n3,4', 2],
])('takes %s as it is', (_what, format, text, records) => {
  expect(parse(text, format).records).toHaveLength(records);
});

it.each([
  ['too few fields in the middle', 'a,b\n1\n3,4'],
  ['too few fields, and a line end', 'a,b\n1,2\n3\n'],
  ['too many fields', 'a,b\n1,2\n3,4,5'],
])('does not ask again for CSV with %s', (_what, text) => {
  expect(() => parse(text, 'csv')).toThrow('CSV that cannot be read');
});
