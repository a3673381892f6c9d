/** Tables of SQLite that users have made: their rows are those of the run, or the run is refused and nothing changes. */
import { readFileSync, writeFileSync } from 'node:fs';
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
