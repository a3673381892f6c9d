import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readTextPlaces } from '../../engine/evidence';
import { LIMITS } from '../../pipeline/limits';
import { extractAll, stageAll } from '../support/engine';

describe('rejects', () => {
  it('are rows: the good ones are staged, the others have their place, every reason, the value and the record', async () => {
    const csv = 'id,n,day\n1,5,2026-01-01\n2,x,2026-13-01\n3,,2026-01-03\n4,7\n5,9,2026-01-05\n';
    const schema = {
      id: { type: 'integer' },
      n: { type: 'integer', nullable: false },
      day: { type: 'date' },
    };
    await stageAll({ csv, schema }, ({ rows, rejects, results }) => {
      expect(rows).toEqual([
        ['1', '5', '2026-01-01'],
        ['5', '9', '2026-01-05'],
      ]);
      expect(rejects).toEqual([
        '3:2 n type not an integer x',
        '3:2 day type not a date (YYYY-MM-DD) 2026-13-01',
        '4:3 n nullable null in a column that is not nullable',
        '5:4 record 2 fields, header has 3',
      ]);
      expect(results).toMatchObject([{ rows: 2, rejected: 3 }]);
    });
  });

  it('are the same for every cut of the source', async () => {
    const lines = Array.from({ length: 300 }, (_, index) =>
      index % 7 === 0 ? `${index},x` : index % 11 === 0 ? `${index},"open` : `${index},${index}`,
    );
    const input = { csv: `id,n\n${lines.join('\n')}\n`, schema: { n: { type: 'integer' } } };
    const whole = await stageAll(input, ({ rows, rejects }) => ({ rows, rejects }));
    expect(whole.rejects.length).toBeGreaterThan(60);
    for (const cutBytes of [150, 1700]) {
      const cut = await stageAll({ ...input, cutBytes }, ({ rows, rejects }) => ({ rows, rejects }));
      expect(cut).toEqual(whole);
    }
  });
});

/** More records than types are inferred from at first. */
const AFTER_SAMPLE = LIMITS.sampleRecordsMax + 500;

describe('a type that turns out wider', () => {
  it('costs no second reading of a part whose values can be cast', async () => {
    const csv = `a,b,c,d\n${'1,2026-01-01,,5\n'.repeat(AFTER_SAMPLE)}2.5,2026-01-02 10:00:00,7,word\n`;
    await stageAll({ csv, cutBytes: 8000 }, async ({ columns, rows, results, context }) => {
      expect(columns).toEqual(['a decimal(18,1)', 'b timestamp', 'c integer', 'd string']);
      expect(rows[0]).toEqual(['1.0', '2026-01-01 00:00:00', null, '5']);
      expect(rows.at(-1)).toEqual(['2.5', '2026-01-02 10:00:00', '7', 'word']);
      expect(rows).toHaveLength(AFTER_SAMPLE + 1);
      const files = readdirSync(join(context.staging.localDir, 'parts/extract'));
      // One file of rows for each partition, and no second one for those that were cast.
      expect(files.filter((name) => name.endsWith('.parquet'))).toHaveLength(results.length);
    });
  });

  it('keeps every text as it was written, and says where the first one stands that made it text', async () => {
    const lines = [...Array<string>(AFTER_SAMPLE).fill('1.50'), '-0', 'word', 'other'];
    await stageAll(
      { csv: `a\n${lines.join('\n')}\n`, cutBytes: 4000 },
      async ({ columns, rows, context }) => {
        expect(columns).toEqual(['a string']);
        expect(rows.map(([text]) => text)).toEqual(lines);
        const places = await readTextPlaces(context.staging);
        expect(places).toHaveLength(1);
        expect(places[0]).toMatchObject({ line: AFTER_SAMPLE + 2, column: 'a', value: '-0' });
      },
    );
  });
});

describe('an extract that is done again', () => {
  it('returns what its receipt says and stages nothing', async () => {
    await stageAll({ csv: 'a\n1\n2\n', cutBytes: 64 }, async ({ deps, context, results }) => {
      const before = await context.staging.list('');
      expect(await extractAll(deps, context)).toEqual(results);
      expect(await context.staging.list('')).toEqual(before);
    });
  });
});

describe('names of columns', () => {
  it('never meet those of DuckDB or of the engine', async () => {
    const names = ['rowid', 'file_row_number', 'file_index', 'filename', 'c0', 'select'];
    const csv = `${names.join(',')}\n${names.map((_, index) => index).join(',')}\n`;
    await stageAll({ csv }, ({ columns, rows }) => {
      expect(columns).toEqual(names.map((name) => `${name} integer`));
      expect(rows).toEqual([names.map((_, index) => String(index))]);
    });
  });
});

describe('the order of records', () => {
  it('is that of the file, in parts of many row groups, and places are those of the rejects', async () => {
    const bad = [100, 200_000, 399_999];
    const lines = Array.from({ length: 400_000 }, (_, id) => `${id},${bad.includes(id) ? 'x' : '1.50'},yes`);
    const schema = { amount: { type: 'decimal(9,2)' }, ok: { type: 'boolean' } };
    await stageAll({ csv: `id,amount,ok\n${lines.join('\n')}\n`, schema }, ({ rows, rejects }) => {
      expect(rejects).toEqual(bad.map((id) => `${id + 2}:${id + 1} amount type not a decimal x`));
      const ids = rows.map(([id]) => Number(id));
      expect(ids).toHaveLength(lines.length - bad.length);
      expect(ids.findIndex((id, index) => index > 0 && id <= (ids[index - 1] ?? -1))).toBe(-1);
    });
  });
});
