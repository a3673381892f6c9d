import { createHash } from 'node:crypto';
import { LIMITS } from '../../pipeline/limits';
import type { OpenSource } from '../../plugin/source';
import { withDuckdb } from '../../runtime/duckdb';
import { csv } from '../../sources/csv';
import { landAll, openSandbox, readRecords, type Landing } from '../support/source-sandbox';

const sandbox = openSandbox();

const openCsv = (path: string): OpenSource =>
  csv.open(csv.options.parse({ path }), sandbox.freshRun().context);

describe('broken records of a CSV source', () => {
  it('cost themselves and nothing else', async () => {
    const bytes = Buffer.concat([
      Buffer.from('a,b\n1,"x\n2,y\n3\n4,"z"z\n5,6,7\n6,'),
      Buffer.from([0xff]),
      Buffer.from('\n7,\0\n8,"ok\nok"\n9,w,,\n10,"end'),
    ]);
    sandbox.write('broken.csv', bytes);
    const source = openCsv('broken.csv');
    const { survey, partitions } = await landAll(source, 8);
    const records = await readRecords(source, survey, partitions);
    expect(records.map(({ line, record, values, reason }) => [line, record, values ?? reason])).toEqual([
      [2, 1, 'text after a closing quote'],
      [3, 2, ['2', 'y']],
      [4, 3, '1 field, header has 2'],
      [5, 4, 'text after a closing quote'],
      [6, 5, '3 fields, header has 2'],
      [7, 6, 'not UTF-8, looks like windows-1252'],
      [8, 7, 'NUL character'],
      [9, 8, ['8', 'ok\nok']],
      [11, 9, '4 fields, header has 2'],
      [12, 10, 'quote not closed'],
    ]);
    expect(
      records.every(
        ({ byteOffset, line }) =>
          bytes.subarray(0, byteOffset).toString('latin1').split('\n').length === line,
      ),
    ).toBe(true);
  });

  it('are bounded: a quote that is not closed within 16 MB, and a line longer than that', async () => {
    const long = 'y'.repeat(LIMITS.fieldBytesMax + 10);
    const line = `p,${'q'.repeat(65_533)}\n`;
    const count = Math.ceil(LIMITS.fieldBytesMax / line.length) + 10;
    const longest = 'z""'.repeat(5_000_000);
    sandbox.write(
      'long.csv',
      `a,b\n1,"open\n${line.repeat(count)}2,${long},"x\n3,"${long}"\n4,"${longest}"\n5,ok\n`,
    );
    const plan = await landAll(openCsv('long.csv'), Number.MAX_SAFE_INTEGER);
    const cut = await landAll(openCsv('long.csv'), 20_000_000);
    const digest = async ({ survey, partitions }: Landing): Promise<unknown> => {
      const hash = createHash('sha256');
      const bad: unknown[] = [];
      for (const { ordinal: _, ...record } of await readRecords(openCsv('long.csv'), survey, partitions)) {
        hash.update(JSON.stringify(record));
        expect(record.raw.length).toBeLessThanOrEqual(LIMITS.rawCharsMax);
        if (record.values === null) bad.push([record.line, record.reason]);
      }
      return { hash: hash.digest('hex'), bad };
    };
    const whole = await digest(plan);
    expect(whole).toMatchObject({
      bad: [
        [2, 'quote not closed'],
        [count + 3, 'record over 16 MB'],
        [count + 4, 'quote not closed'],
      ],
    });
    expect(cut.partitions.length).toBeGreaterThan(1);
    expect(await digest(cut)).toEqual(whole);
    // The rest is read by DuckDB, whose own limit for a line is 2 MB.
    await withDuckdb({ dir: sandbox.dir, memoryMb: 500 }, async (db) => {
      const [partition] = plan.partitions;
      if (!partition) throw new Error('no partition');
      const { sql, broken } = await openCsv('long.csv').repair(plan.survey, partition);
      expect(broken).toEqual([0, count + 1, count + 2]);
      expect(await db.all(`SELECT count(*) AS n, max(length(b)) AS longest FROM ${sql}`)).toEqual([
        { n: BigInt(count + 2), longest: 10_000_000n },
      ]);
    });
  });
});
