/** Sources of many spellings through the whole extract. */
import { stageAll } from '../support/engine';
import { REFUSED_TEXTS } from '../support/hostile-texts';

describe('a value that is none of its column’s type', () => {
  it('is rejected with its reason, never changed, whatever the type', async () => {
    const names = REFUSED_TEXTS.map((_, index) => `c${index}`);
    const csv = `${names.join(',')}\n${REFUSED_TEXTS.map(([, text]) => `"${text}"`).join(',')}\n`;
    const schema = Object.fromEntries(REFUSED_TEXTS.map(([type], index) => [`c${index}`, { type }]));
    await stageAll({ csv, schema }, ({ rows, rejected }) => {
      expect(rows).toEqual([]);
      const found = rejected.map(({ column, value, reason, rule, line }) => [
        column,
        value,
        reason,
        rule,
        line,
      ]);
      expect(found).toEqual(
        REFUSED_TEXTS.map(([, text, reason], index) => [`c${index}`, text, reason, 'type', 2]),
      );
    });
  });
});

describe('places', () => {
  /** Records of one, two and three physical lines, every seventh with a text in the number. */
  const records = Array.from({ length: 70 }, (_, id) => ({
    lines: 1 + (id % 3),
    q: id % 7 === 6 ? `bad ${id}` : String(id),
  }));
  const csv = `id,note,q\n${records.map(({ lines, q }, id) => `${id},"x${'\n'.repeat(lines - 1)}",${q}\n`).join('')}`;

  it.each([undefined, 60, 200])('tell the physical line in cuts of %p bytes', async (cutBytes) => {
    const input = { csv, schema: { q: { type: 'integer' } }, ...(cutBytes !== undefined && { cutBytes }) };
    let line = 2;
    const bad = records.flatMap(({ q, lines }, id) => {
      line += lines;
      return q.startsWith('bad') ? [`${line - lines}:${id + 1} q type not an integer ${q}`] : [];
    });
    expect(await stageAll(input, ({ rejects }) => rejects)).toEqual(bad);
  });
});

describe('the same rows are read', () => {
  const rows = [
    ['1', 'Café "x", y'],
    ['2', 'two\nlines'],
    ['3', 'three'],
  ];
  const text = 'id,name\n1,"Café ""x"", y"\n2,"two\nlines"\n3,three\n';

  it.each<[string, string | Buffer, object]>([
    ['after a byte order mark', `\ufeff${text}`, {}],
    ['without a final line break', text.slice(0, -1), {}],
    ['with empty lines at the end', `${text}\n\n`, {}],
    ['with semicolons', text.replaceAll('id,', 'id;').replaceAll(/^(\d),/gm, '$1;'), {}],
    ['in UTF-16', Buffer.from(`\ufeff${text}`, 'utf16le'), { encoding: 'utf-16le' }],
    ['in Windows-1252', Buffer.from(text, 'latin1'), { encoding: 'windows-1252' }],
    ['without a header', text.slice(8), { header: false }],
  ])('%s', async (_how, csv, options) => {
    const read = await stageAll({ csv, options }, (staging) => [staging.rows, staging.rejects]);
    expect(read).toEqual([rows, []]);
  });

  it('with CRLF, the one inside quotes kept as it is', async () => {
    const csv = text.replaceAll('\n', '\r\n');
    const kept = rows.map(([id, name]) => [id, name?.replace('\n', '\r\n')]);
    expect(await stageAll({ csv }, (staging) => staging.rows)).toEqual(kept);
  });

  it.each([30, 45, 100])('with quoted line breaks at the cuts of %i bytes', async (cutBytes) => {
    const lines = Array.from({ length: 30 }, (_, index) => [String(index), `a${index}\n\n"b", c\n`]);
    const csv = `id,name\n${lines.map(([id, name]) => `${id},"${name?.replaceAll('"', '""')}"\n`).join('')}`;
    expect(await stageAll({ csv, cutBytes }, (staging) => staging.rows)).toEqual(lines);
  });
});

describe('a column that the source lacks', () => {
  const csv = 'date,quantity,price\n2026-01-01,1,0.5\n';
  const hint = 'Did you mean "quantity"?';

  it.each([
    ['filter', { column: 'quantiy', operator: '>', value: 0 }],
    ['drop_nulls', { columns: ['quantiy'] }],
    ['aggregate', { group_by: ['quantiy'], aggregations: { n: 'count()' } }],
    ['select', { columns: ['quantiy'] }],
  ])('is named with the step when %s wants it', async (type, options) => {
    const transformations = [
      { type: 'drop_nulls', options: {} },
      { type, options },
    ];
    await expect(stageAll({ csv, transformations }, () => undefined)).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message: `transformations.1: ${type}: there is no column "quantiy" at this step. The source is in/0.csv.`,
      hint,
    });
  });

  it('is named with all there are when the schema declares it', async () => {
    const schema = { quantiy: { type: 'integer' } };
    await expect(stageAll({ csv, schema }, () => undefined)).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message:
        'validation.schema declares the column "quantiy", which the source does not have; it has date, quantity, price. The source is in/0.csv.',
      hint,
    });
  });
});
