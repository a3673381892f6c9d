import { join } from 'node:path';
import { checkTable } from '../../bench/check-table';
import type { SalesTotals } from '../../bench/generate';
import { makeFolder } from '../support/folder';
import { openSqlite } from '../../targets/sqlite/binding';

const dir = makeFolder();
const expected: SalesTotals = {
  rows: { read: 3, dropped: 0, filtered: 0, aggregated: 3, output: 2 },
  quantity: '5',
  revenue: '0.40',
  decimals: 2,
  bytes: 0,
};

describe('the check of a table', () => {
  it.each([
    ['doubles', [0.1, 0.3]],
    ['texts', ['0.10', '0.3']],
    ['a whole number', [0.4, 0]],
  ])('takes %s that read back as the decimals for exact', (name, revenues) => {
    expect(checkTable(write(name, revenues), expected).status).toBe('exact');
  });

  it('tells how far the totals of a sum of doubles are off', () => {
    const check = checkTable(write('rounded', [0.1, 0.1 + 0.2]), expected);
    expect(check).toMatchObject({ status: 'rounded', offRows: 1, revenue: '0.40' });
    expect(check.offMax).toBeGreaterThan(0);
    expect(check.offMax).toBeLessThan(1e-15);
  });

  it.each([
    ['a cent too little', [0.1, 0.29]],
    ['a row too few', [0.4]],
    ['a row too many', [0.1, 0.3, 0]],
  ])('finds %s', (name, revenues) => {
    expect(checkTable(write(name, revenues), expected).status).toBe('wrong');
  });
});

/** A table with 5 pieces in all. */
function write(name: string, revenues: readonly (number | string)[]): string {
  const path = join(dir, `${name}.db`);
  const database = openSqlite(path);
  database.exec('CREATE TABLE daily_product_revenue (total_quantity INTEGER, total_revenue)');
  const insert = database.prepare('INSERT INTO daily_product_revenue VALUES (?, ?)');
  revenues.forEach((revenue, row) => insert.run(row === 0 ? 5n : 0n, revenue));
  database.close();
  return path;
}
