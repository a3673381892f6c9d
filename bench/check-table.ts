/** Reads a competitor's table with an independent reader and compares it with what the generator knows. */
import { formatUnits, type SalesTotals } from './generate';
import { openSqlite } from '../targets/sqlite/binding';

export interface TableCheck {
  /**
   * `exact`: every value reads back as the right kind of decimal, and all sums are right.
   * `rounded`: sums are right after rounding each total to cents; `offRows` totals carry the error of floats.
   * `wrong`: rows, quantity or revenue differ.
   */
  status: 'exact' | 'rounded' | 'wrong';
  rows: number;
  quantity: string;
  revenue: string;
  /** Totals that are not a decimal with at most the scale of the prices. */
  offRows: number;
  /** The largest distance of such a total from the nearest decimal. */
  offMax: number;
}

export function checkTable(databasePath: string, expected: SalesTotals): TableCheck {
  const { decimals } = expected;
  const sums = { rows: 0, quantity: 0n, units: 0n, offRows: 0, offMax: 0 };
  const database = openSqlite(databasePath, { readonly: true, fileMustExist: true });
  try {
    const rows = database
      .prepare('SELECT total_quantity, total_revenue FROM daily_product_revenue')
      .raw()
      .iterate() as Iterable<[number, number | string]>;
    for (const [quantity, revenue] of rows) {
      const units = parseUnits(String(revenue), decimals);
      const nearest = units ?? BigInt(Math.round(Number(revenue) * 10 ** decimals));
      if (units === undefined) {
        sums.offRows++;
        sums.offMax = Math.max(sums.offMax, Math.abs(Number(revenue) - Number(nearest) / 10 ** decimals));
      }
      sums.rows++;
      sums.quantity += BigInt(quantity);
      sums.units += nearest;
    }
  } finally {
    database.close();
  }
  const quantity = String(sums.quantity);
  const revenue = formatUnits(sums.units, decimals);
  const right =
    sums.rows === expected.rows.output && quantity === expected.quantity && revenue === expected.revenue;
  const status = !right ? 'wrong' : sums.offRows > 0 ? 'rounded' : 'exact';
  return { status, rows: sums.rows, quantity, revenue, offRows: sums.offRows, offMax: sums.offMax };
}

/** A decimal text as an integer of 10^-decimals; undefined when it has more digits or is not a plain decimal. */
function parseUnits(text: string, decimals: number): bigint | undefined {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(text);
  const fraction = match?.[2] ?? '';
  if (!match || fraction.length > decimals) return undefined;
  return BigInt(`${match[1]}${fraction.padEnd(decimals, '0')}`);
}
