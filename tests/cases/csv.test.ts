/** CSV files as people have them: how they are read, refused or remarked upon. */
import { openCase } from '../support/run-case';

it('a backslash as escape is text before all but a quote and itself', async () => {
  const { run, rows } = openCase('backslash-is-text');
  await run();
  expect(rows()).toEqual([
    ['1', 'C:\\temp\\new'],
    ['2', 'say "hi"'],
    ['3', 'a\\b'],
  ]);
});

it('lines that end with a carriage return, and one with CR LF, are refused by their name', async () => {
  const { refusal, rows } = openCase('carriage-returns-one-newline');
  const { code, message, places } = await refusal();
  expect([code, message]).toEqual([
    'SOURCE_UNREADABLE',
    'input.csv mixes line breaks: line 1 ends with a carriage return (CR), line 4 with CR LF.',
  ]);
  expect(places).toMatchObject([{ file: 'input.csv', line: 4 }]);
  expect(rows()).toBeUndefined();
});

it('comments before the header are refused, with the lines to skip', async () => {
  const { refusal, run, rows } = openCase('comment-lines-first');
  const { code, message, hint } = await refusal();
  expect(code).toBe('SOURCE_UNREADABLE');
  expect(message).toContain('# rain gauge, station 7');
  expect(hint).toContain('Set skip_rows: 2;');
  await run('pipeline.yaml', { overrides: ['source.skip_rows=2'] });
  expect(rows()).toEqual([
    ['2026-10-30', '4'],
    ['2026-10-31', '0'],
  ]);
});

it('two delimiters that fit are refused; in a .tsv file it is the tab, and this is said', async () => {
  const { refusal, run, rows } = openCase('delimiter-tie');
  const { code, message, hint } = await refusal();
  expect(code).toBe('SOURCE_UNREADABLE');
  expect(message).toContain('could have the delimiter "," and ";"');
  expect(hint).toContain('Set delimiter');
  await run('pipeline.yaml', { overrides: ['source.delimiter=;'] });
  expect(rows()).toEqual([
    ['apple', '1,50'],
    ['pear', '2,25'],
  ]);
  const { warnings } = await run('pipeline-tabs.yaml');
  expect(rows()).toEqual([
    ['Roe, Ann, B', 'Oslo'],
    ['Doe, Jim, C', 'Rome'],
  ]);
  expect(warnings).toEqual([expect.stringContaining('read with tabs')]);
});

it('columns without a name get one, which is said', async () => {
  const { run, rows } = openCase('empty-header-names');
  const { warnings } = await run();
  expect(rows()).toEqual([
    ['1', 'ann', 'x', 'y'],
    ['2', 'bob', 'z', null],
  ]);
  expect(warnings).toEqual([expect.stringContaining('column 3 column_3, column 4 column_4')]);
});

it('a delimiter at the end of every line makes no column, and this is said', async () => {
  const { run, rows } = openCase('delimiter-ends-every-line');
  const { warnings } = await run();
  expect(rows()).toEqual([
    ['1', 'ann'],
    ['2', 'bob'],
  ]);
  expect(warnings).toEqual([expect.stringContaining('a delimiter at the end of its header')]);
});

it.each(['folder-named-like-a-file', 'hidden-file-in-folder'])(
  'a folder as a source is its visible files: %s',
  async (name) => {
    const { run, rows } = openCase(name);
    const read = name.startsWith('folder')
      ? [['1', 'x']]
      : [
          ['1', 'x'],
          ['2', 'y'],
        ];
    await run();
    expect(rows()).toEqual(read);
  },
);

it('a first line that looks like data is taken for the header, and this is said', async () => {
  const { run, rows } = openCase('header-is-data');
  const { warnings } = await run();
  expect(rows()).toHaveLength(2);
  expect(warnings).toEqual([expect.stringMatching(/looks like data.*header: false/)]);
});

it('columns may be called Constructor and prototype', async () => {
  const { run, rows } = openCase('header-constructor');
  await run();
  expect(rows()).toEqual([['A', 'Team X', '25']]);
  await run('pipeline-parts.yaml');
  expect(rows()).toEqual([['1', 'yes']]);
});

it('a record with a delimiter too many is refused with its line, although its last field is empty', async () => {
  const { refusal } = openCase('surplus-field-shifts-record');
  const { code, places } = await refusal();
  expect(code).toBe('RECORDS_REJECTED');
  expect(places).toMatchObject([{ line: 3, record: 2, reason: '5 fields, header has 4' }]);
});

it('blanks before a quote are passed over, whatever the size of a chunk', async () => {
  const { run, rows } = openCase('two-blanks-before-quote');
  const expected = Array.from(
    { length: 60 },
    (_, index) => `text${index === 29 ? ',' : ''} of row ${index + 1}`,
  );
  for (const overrides of [
    [],
    ['scalability.processing.chunk_size=1000'],
    ['scalability.processing.mode=standard'],
  ]) {
    await run('pipeline.yaml', {
      overrides: overrides.length > 0 && overrides[0]?.includes('standard') ? ['scalability={}'] : overrides,
    });
    expect(rows()?.map(([, text]) => text)).toEqual(expected);
  }
});

it('UTF-32 is called what it is', async () => {
  const { code, message, hint } = await openCase('utf-32-is-not-utf-16').refusal();
  expect(code).toBe('SOURCE_UNREADABLE');
  expect(message).toContain('byte order mark of utf-32le');
  expect(hint).toContain('UTF-32 cannot be read: convert the file');
});

it('an offset may be hours alone, as PostgreSQL writes it', async () => {
  const { run, rows } = openCase('zone-with-hours-only');
  const read = [
    ['1', '2026-03-01 10:00:00'],
    ['2', '2026-03-01 20:30:00'],
    ['3', '2026-03-01 07:00:00.250000'],
  ];
  await run();
  expect(rows()).toEqual(read);
  await run('pipeline.yaml', { overrides: ['validation={}'] });
  expect(rows()).toEqual(read);
});
