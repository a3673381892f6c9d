import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { parse as parseJson } from 'lossless-json';
import { formatUnits, generateSales, SALES_DEFAULTS, type SalesTotals } from '../../bench/generate';
import { makeFolder } from '../support/folder';

const dir = makeFolder();
const small = { ...SALES_DEFAULTS, rows: 5000, groups: 600 };

describe('the generator of sales files', () => {
  it('gives the same bytes for the same seed and others for another', async () => {
    await generateSales(join(dir, 'a.csv'), small);
    await generateSales(join(dir, 'b.csv'), small);
    await generateSales(join(dir, 'c.csv'), { ...small, seed: 2 });
    expect(readFileSync(join(dir, 'a.csv'))).toEqual(readFileSync(join(dir, 'b.csv')));
    expect(readFileSync(join(dir, 'a.csv'))).not.toEqual(readFileSync(join(dir, 'c.csv')));
    expect(readdirSync(dir).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it.each([2, 4])('tells what the sales job must arrive at, with prices of %d decimals', async (decimals) => {
    const path = join(dir, `totals-${decimals}.csv`);
    const options = { ...small, decimals, quoted: 0.3, nulls: 0.1, zeros: 0.1 };
    const totals = await generateSales(path, options);
    expect(totals).toEqual(sumByHand(readFileSync(path, 'utf8'), decimals));
    expect(JSON.parse(readFileSync(`${path}.json`, 'utf8'))).toEqual(totals);
    expect(totals.rows.dropped).toBeGreaterThan(400);
    expect(totals.rows.filtered).toBeGreaterThan(350);
  });

  it('writes the same rows as JSON, with numbers as they are in CSV', async () => {
    const options = { ...small, decimals: 4, nulls: 0.1, quoted: 0.3 };
    const totals = await generateSales(join(dir, 'same.csv'), options);
    const { bytes, ...others } = await generateSales(join(dir, 'same.ndjson'), options);
    expect(totals).toMatchObject(others);
    const lines = readFileSync(join(dir, 'same.ndjson'), 'utf8');
    expect(bytes).toBe(Buffer.byteLength(lines));
    const rows = lines.trimEnd().split('\n').map((line) => parseJson(line, null, String) as object); // prettier-ignore
    const fields = rows.map((row) => Object.values(row).map((value: string | null) => value ?? ''));
    expect(fields).toEqual((parse(readFileSync(join(dir, 'same.csv'))) as unknown[]).slice(1));
    expect(JSON.parse(lines.slice(0, lines.indexOf('\n')))).toMatchObject({ quantity: expect.any(Number) });
  });

  it('quotes about the share of names that is asked for', async () => {
    const path = join(dir, 'quoted.csv');
    await generateSales(path, { ...small, rows: 20_000, groups: 20_000, quoted: 0.2 });
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n').slice(1);
    const share = lines.filter((line) => line.includes('"')).length / lines.length;
    expect(share).toBeGreaterThan(0.17);
    expect(share).toBeLessThan(0.23);
  });

  it('writes a header and nothing else for zero rows', async () => {
    const path = join(dir, 'empty.csv');
    const totals = await generateSales(path, { ...small, rows: 0 });
    expect(readFileSync(path, 'utf8')).toBe('date,product_id,product_name,quantity,unit_price\n');
    expect(totals).toMatchObject({ rows: { read: 0, output: 0 }, quantity: '0', revenue: '0.00' });
  });

  it('made the committed sample', async () => {
    const path = join(dir, 'sample.csv');
    const options = { days: 75, quoted: 0.08, decimals: 4, byDate: true, seed: 2026 };
    await generateSales(path, { ...SALES_DEFAULTS, rows: 12_000, groups: 15_000, ...options });
    expect(readFileSync(path).equals(readFileSync(join(__dirname, '../../data/sales_data.csv')))).toBe(true);
  });

  it('refuses prices with more decimals than asked for', async () => {
    await expect(generateSales(join(dir, 'fine.csv'), { ...small, decimals: 1 })).rejects.toThrow(/decimals/);
  });
});

describe('an amount in units', () => {
  it.each([
    [0n, 2, '0.00'],
    [5n, 2, '0.05'],
    [12345n, 2, '123.45'],
    [-12345n, 4, '-1.2345'],
  ])('%d units of 10^-%d are written %s', (units, decimals, text) => {
    expect(formatUnits(units, decimals)).toBe(text);
  });
});

/** The same sums from the finished file, by another reader and with integers only. */
function sumByHand(text: string, decimals: number): SalesTotals {
  const records: string[][] = parse(text, { from: 2 });
  const rows = { read: records.length, dropped: 0, filtered: 0, aggregated: 0, output: 0 };
  const groups = new Set<string>();
  let quantitySum = 0n;
  let revenueUnits = 0n;
  for (const [date = '', productId = '', name = '', quantity = '', price = ''] of records) {
    if ([date, productId, name, quantity, price].includes('')) {
      rows.dropped++;
    } else if (quantity === '0') {
      rows.filtered++;
    } else {
      rows.aggregated++;
      groups.add(`${date} ${productId}`);
      const [whole = '', fraction = ''] = price.split('.');
      quantitySum += BigInt(quantity);
      revenueUnits += BigInt(quantity) * BigInt(whole + fraction.padEnd(decimals, '0'));
    }
  }
  rows.output = groups.size;
  return {
    rows,
    quantity: String(quantitySum),
    revenue: formatUnits(revenueUnits, decimals),
    decimals,
    bytes: Buffer.byteLength(text),
  };
}
