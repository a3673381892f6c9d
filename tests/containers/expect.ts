/** What the containers must have made, computed and read without the product. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { plainDecimal, salesTruth, sortRows, type Sale } from '../support/sales';
import { openSqlite } from '../../targets/sqlite/binding';

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** The rows that data/sales_data.csv gives, in integers. */
export function sampleTruth(dir: string): string[][] {
  const sales = parse(readFileSync(join(dir, 'data/sales_data.csv')), { columns: true, bom: true }) as Sale[];
  return salesTruth(sales).groups;
}

/** The table from outside, sorted, decimals in their plain form. */
export function readSalesTable(file: string): string[][] {
  const db = openSqlite(file, { readonly: true });
  try {
    const rows = db.prepare('SELECT * FROM daily_product_revenue').raw().all() as unknown[][];
    return sortRows(
      rows.map(([date, id, name, quantity, revenue]) => [
        String(date),
        String(id),
        String(name),
        String(quantity),
        plainDecimal(revenue),
      ]),
    );
  } finally {
    db.close();
  }
}

export interface Totals {
  rows: number;
  quantity: string;
  revenue: string;
}

/** Sums of the table in integers of cents, exact. */
export function readTotals(file: string): Totals {
  const rows = readSalesTable(file);
  let quantity = 0n;
  let cents = 0n;
  for (const [, , , one = '0', revenue = '0'] of rows) {
    const [whole = '0', fraction = ''] = revenue.split('.');
    quantity += BigInt(one);
    cents += BigInt(whole + fraction.padEnd(2, '0'));
  }
  return {
    rows: rows.length,
    quantity: String(quantity),
    revenue: plainDecimal(`${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`),
  };
}

/** The next check must not find the table of this one. */
export function spoil(dir: string): void {
  for (const name of ['sales.db', 'sales.db-wal', 'sales.db-shm'])
    rmSync(join(dir, 'output', name), { force: true });
}
