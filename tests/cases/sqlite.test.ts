/** Tables of SQLite that users have made: their rows are those of the run, or the run is refused and nothing changes. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCase, type Case } from '../support/run-case';

function openWithSetup(name: string): Case {
  const opened = openCase(name);
  opened.sql('out.db', readFileSync(join(opened.dir, 'setup.sql'), 'utf8'));
  return opened;
}

describe('names that differ in the case of a letter beyond A to Z', () => {
  it('are two names: a table that has only the other one is refused', async () => {
    const { refusal, rows } = openWithSetup('append-letter-case-beyond-ascii');
    expect(await refusal()).toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringContaining('the table lacks column "é"') as string,
    });
    expect(rows()).toEqual([]);
  });

  it('can both be columns of a file', async () => {
    const { dir, run, rows, sql } = openWithSetup('append-letter-case-beyond-ascii');
    sql('out.db', 'ALTER TABLE t ADD COLUMN "é" INTEGER');
    writeFileSync(join(dir, 'data/in.csv'), 'id,É,é\n1,2,3\n');
    await run();
    expect(rows()).toEqual([['1', '2', '3']]);
  });
});

describe('a table whose types would change values', () => {
  it('is refused where a REAL column would round a decimal', async () => {
    const { refusal, rows } = openWithSetup('append-decimal-into-real');
    expect(await refusal()).toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringMatching(
        /column "amount" is REAL, which rounds .*, and 2 rows of this run/,
      ) as string,
    });
    expect(rows()).toEqual([]);
  });

  it('takes the same decimals into a NUMERIC column, exactly', async () => {
    const { dir, run, rows, sql } = openCase('append-decimal-into-real');
    sql('out.db', readFileSync(join(dir, 'setup.sql'), 'utf8').replace('REAL', 'NUMERIC'));
    await run();
    expect(rows()?.map(([, amount]) => amount)).toEqual(['9007199254740993', '0.5', '123456789012345678']);
  });

  it('is refused where a TEXT column would not get the text of the file', async () => {
    const { refusal, rows } = openWithSetup('append-into-text');
    expect(await refusal()).toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringMatching(
        /column "version" is TEXT, .* \(declare it as string, or cast it\)/,
      ) as string,
    });
    expect(rows()).toEqual([]);
  });

  it('gets the text of the file once the columns are declared as string', async () => {
    const { dir, run, rows } = openWithSetup('append-into-text');
    const file = join(dir, 'pipeline.yaml');
    const schema = '  validation: { schema: { version: { type: string }, at: { type: string } } }\n';
    writeFileSync(file, readFileSync(file, 'utf8') + schema);
    await run();
    expect(rows()).toEqual([
      ['1.1', '2026-01-01T10:00:00+05:30', '1'],
      ['1.10', '2026-01-01 10:00', '2'],
      ['2.0', '2026-01-02T00:00:00Z', '3'],
    ]);
  });
});

describe('a primary key', () => {
  it('without a value in a row is not invented', async () => {
    const { refusal, rows } = openWithSetup('append-null-primary-key');
    expect(await refusal()).toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringContaining(
        'column "id" is of the primary key, and 2 rows of this run have no value for it',
      ) as string,
    });
    expect(rows()).toEqual([['1', 'x']]);
  });

  it('that SQLite does not number cannot be left out', async () => {
    const { refusal, rows } = openWithSetup('append-null-primary-key');
    expect(await refusal('pipeline-text-key.yaml')).toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringContaining('the pipeline lacks column "code", which must not be null') as string,
    });
    expect(rows('u')).toEqual([]);
  });
});

describe('a conflict clause of the table', () => {
  it.each([
    [
      'IGNORE',
      'pipeline.yaml',
      't',
      [
        ['1', 'old1'],
        ['2', 'old2'],
      ],
      'must insert 3 rows with this load, it would insert 1',
    ],
    [
      'REPLACE',
      'pipeline-replace.yaml',
      'u',
      [
        ['1', 'old1'],
        ['9', 'old9'],
      ],
      'must hold 5 rows with this load, it would hold 2',
    ],
  ])('loses no row unnoticed: %s', async (_, file, table, before, found) => {
    const { refusal, rows } = openWithSetup('append-on-conflict');
    expect(await refusal(file)).toMatchObject({
      code: 'ROWS_UNBALANCED',
      message: expect.stringContaining(found) as string,
    });
    expect(rows(table)).toEqual(before);
  });
});

describe('more columns than a table in SQLite can have', () => {
  it('are refused before anything is read', async () => {
    const { dir, refusal } = openCase('too-many-columns');
    expect(await refusal()).toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: 'out/result.db, table t: this pipeline has 2001 columns, a table in SQLite can have 2000.',
    });
    expect(existsSync(join(dir, 'out'))).toBe(false);
  });

  it('are refused where 2,000 are loaded', async () => {
    const { dir, run, rows } = openCase('too-many-columns');
    const narrower = readFileSync(join(dir, 'input.csv'), 'utf8').replace(/,[^,\n]*$/gm, '');
    writeFileSync(join(dir, 'input.csv'), narrower);
    await run();
    expect(rows()?.map((row) => row.length)).toEqual(
      narrower
        .trimEnd()
        .split('\n')
        .slice(1)
        .map(() => 2000),
    );
  });
});
