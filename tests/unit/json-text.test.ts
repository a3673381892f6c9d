import fc from 'fast-check';
import { isNested, jsonElements, jsonMembers, jsonText, jsonValue } from '../../pipeline/json-text';

/** The value of a text, put together from its spans alone. */
function rebuild(text: string, start: number, end: number): unknown {
  const span = { start, end };
  if (!isNested(text, span)) {
    const found = jsonText(text, span);
    return text[start] === '"' ? found : JSON.parse(text.slice(start, end));
  }
  if (text[start] === '[') return jsonElements(text, start).map((one) => rebuild(text, one.start, one.end));
  const members = jsonMembers(text, start).map((one) => [one.key, rebuild(text, one.start, one.end)]);
  return Object.fromEntries(members);
}

describe('the spans of a JSON text', () => {
  it('are those of its values, however it is written', () => {
    const blanks = fc.constantFrom(undefined, 1, 2, '\t');
    fc.assert(
      fc.property(fc.jsonValue(), blanks, fc.constantFrom('', ' \r\n'), (value, indent, around) => {
        const text = around + JSON.stringify(value, null, indent) + around;
        const { start, end } = jsonValue(text);
        expect(text.slice(start, end)).toBe(text.trim());
        // Through JSON once, as it has no -0.
        expect(rebuild(text, start, end)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('keep numbers as they are written, and see a key twice', () => {
    const text = '{ "a" : 0.10,"b":-0 ,"a":1e400, "\\u0063\\\\":[1.0 , 2E+1],"d":null}';
    const members = jsonMembers(text, 0);
    expect(members.map((member) => [member.key, jsonText(text, member)])).toEqual([
      ['a', '0.10'],
      ['b', '-0'],
      ['a', '1e400'],
      ['c\\', '[1.0 , 2E+1]'],
      ['d', null],
    ]);
    expect(jsonElements(text, members[3]!.start).map((one) => jsonText(text, one))).toEqual(['1.0', '2E+1']);
  });
});
