/** Sales files, and what the sales job must make of them, computed in integers without any code of the product. */
import fc from 'fast-check';

export interface Sale {
  date: string;
  product_id: string;
  product_name: string;
  quantity: string;
  unit_price: string;
}

export const SALES_COLUMNS = ['date', 'product_id', 'product_name', 'quantity', 'unit_price'] as const;

/** Nulls, zeros, returns, names that need quotes, prices that no double holds. */
export const sale: fc.Arbitrary<Sale> = fc.record({
  date: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom('2026-01-01', '2026-01-02', '2024-02-29', '1999-12-31') },
    { weight: 1, arbitrary: fc.constant('') },
  ),
  product_id: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom('P001', 'P002', '00012', 'ß', '') },
    { weight: 1, arbitrary: fc.constant('NULL') },
  ),
  product_name: fc.constantFrom('Desk', 'Lamp, small', 'The "Best"', 'two\nlines', 'Übergang', ' x ', ''),
  quantity: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -2, max: 10_000 }).map(String) },
    { weight: 1, arbitrary: fc.constantFrom('0', '', '+5', '007') },
  ),
  unit_price: fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.nat(100_000), fc.nat(999)).map(([a, b]) => `${a}.${b}`) },
    { weight: 1, arbitrary: fc.constantFrom('0.1', '1.005', '.5', '3.', '', '99999999999.999', '-0.01') },
  ),
});

export function salesCsv(sales: readonly Sale[]): string {
  const lines = sales.map((one) => SALES_COLUMNS.map((column) => quoted(one[column])).join(','));
  return `${[SALES_COLUMNS.join(','), ...lines].join('\n')}\n`;
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The sections of the sales job; what it does stands in configs/sales.yaml. */
export const SALES_JOB = {
  transformations: [
    { type: 'drop_nulls' },
    { type: 'filter', column: 'quantity', operator: '>', value: 0 },
    {
      type: 'aggregate',
      group_by: ['date', 'product_id'],
      aggregations: {
        product_name: 'first(product_name)',
        total_quantity: 'sum(quantity)',
        total_revenue: 'sum(quantity * unit_price)',
      },
    },
  ],
  validation: {
    schema: {
      date: { type: 'date' },
      product_id: { type: 'string' },
      product_name: { type: 'string' },
      quantity: { type: 'integer' },
      unit_price: { type: 'decimal' },
    },
  },
};

export interface SalesTruth {
  /** Sorted; decimals without needless zeros. */
  groups: string[][];
  rows: { read: number; dropped: number; filtered: number; aggregated: number; output: number };
}

const PLACES = 6;

/** The rows of `daily_product_revenue`. */
export function salesTruth(sales: readonly Sale[]): SalesTruth {
  const full = sales.filter((one) => SALES_COLUMNS.every((column) => one[column] !== ''));
  const kept = full.filter((one) => BigInt(one.quantity.replace('+', '')) > 0n);
  const groups = new Map<string, { name: string; quantity: bigint; revenue: bigint; key: string[] }>();
  for (const one of kept) {
    const key = [one.date, one.product_id];
    const text = JSON.stringify(key);
    const group = groups.get(text) ?? { name: one.product_name, quantity: 0n, revenue: 0n, key };
    const quantity = BigInt(one.quantity.replace('+', ''));
    group.quantity += quantity;
    group.revenue += quantity * unscaled(one.unit_price);
    groups.set(text, group);
  }
  const rows = [...groups.values()].map(({ key, name, quantity, revenue }) => [
    ...key,
    name,
    String(quantity),
    fixed(revenue),
  ]);
  return {
    groups: sortRows(rows),
    rows: {
      read: sales.length,
      dropped: sales.length - full.length,
      filtered: full.length - kept.length,
      aggregated: kept.length,
      output: groups.size,
    },
  };
}

export function sortRows(rows: string[][]): string[][] {
  const keyed = rows.map((row) => ({ row, key: JSON.stringify(row) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ row }) => row);
}

function unscaled(text: string): bigint {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const digits = BigInt(whole + fraction.padEnd(PLACES, '0'));
  return text.startsWith('-') ? -digits : digits;
}

function fixed(value: bigint): string {
  const digits = String(value < 0n ? -value : value).padStart(PLACES + 1, '0');
  return plainDecimal(`${value < 0n ? '-' : ''}${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`);
}

/** A decimal in its one plain form, whatever form it was read in: `1e-7`, `5.00`, 5n, 0.1. */
export function plainDecimal(value: unknown): string {
  const match = /^(-?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(String(value));
  if (!match) throw new Error(`${String(value)} is no decimal.`);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const shift = Number(exponent);
  const digits = whole + fraction + '0'.repeat(Math.max(0, shift - fraction.length));
  const point = whole.length + shift;
  const padded = point < 0 ? '0'.repeat(-point) + digits : digits;
  const left = padded.slice(0, Math.max(0, point)).replace(/^0+(?=.)/, '') || '0';
  const right = padded.slice(Math.max(0, point)).replace(/0+$/, '');
  const plain = right === '' ? left : `${left}.${right}`;
  return plain === '0' ? '0' : sign + plain;
}

/** The generator of a seed: the same fault at the same moment, run after run. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // https://en.wikipedia.org/wiki/Linear_congruential_generator, constants of Numerical Recipes.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
