/**
 * Writes a sales file of any size, and beside it what the sales job must make of it, exactly.
 *
 *     node dist/bench/generate.js --rows 10000000 --groups 730000 --out bench/data/sales.csv
 *
 * A file whose name ends with .ndjson has the same rows as JSON, one record per line, with numbers as they are in the CSV file.
 *
 * The same options give the same bytes on every machine.
 */
import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { createCatalogue, type Price, type Product } from './catalogue';

export interface SalesOptions {
  rows: number;
  /** Days times products; how many of them occur is in the totals. */
  groups: number;
  /** Days the file spreads over. Default: such that there are about 2,000 products, at most a year. */
  days?: number;
  /** First day, YYYY-MM-DD. */
  from: string;
  /** Share of the products whose name is quoted, 0 to 1. */
  quoted: number;
  /** Share of the rows that lack one field, 0 to 1; the columns take turns at random. */
  nulls: number;
  /** Share of the rows with quantity 0, 0 to 1. */
  zeros: number;
  /** Digits after the point that a price may have: 2, or 4 for a file with fine prices. */
  decimals: number;
  /** Rows in the order of their days, as a shop exports them, instead of at random. */
  byDate: boolean;
  seed: number;
}

/** What the sales job must arrive at; the counts have the names of the run report. */
export interface SalesTotals {
  rows: { read: number; dropped: number; filtered: number; aggregated: number; output: number };
  /** Sum of quantity over the output, an integer as text. */
  quantity: string;
  /** Sum of quantity times unit_price over the output, an exact decimal as text with `decimals` digits. */
  revenue: string;
  decimals: number;
  bytes: number;
}

export const SALES_DEFAULTS: Omit<SalesOptions, 'rows' | 'groups'> = {
  from: '2026-01-01',
  quoted: 0.05,
  nulls: 0.01,
  zeros: 0.02,
  decimals: 2,
  byDate: false,
  seed: 1,
};

/** Written at once: large enough that writing costs little, small enough to stay in the cache. */
const BLOCK_CHARS = 1024 * 1024;
const SALES_COLUMNS = ['date', 'product_id', 'product_name', 'quantity', 'unit_price'];
const QUANTITY_MAX = 10;
const DAY_MS = 86_400_000;

/**
 * Writes `path` and `path.json` (a {@link SalesTotals}); both appear only when complete.
 * @returns the totals
 */
export async function generateSales(path: string, options: SalesOptions): Promise<SalesTotals> {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  const tally: Tally = { read: 0, dropped: 0, filtered: 0, groups: 0, quantity: 0n, revenue: 0n, bytes: 0 };
  const file = await open(partial, 'w');
  try {
    for (const block of salesBlocks(options, tally, path.endsWith('.ndjson') ? jsonForm : csvForm)) {
      const buffer = Buffer.from(block, 'utf8');
      await file.writeFile(buffer);
      tally.bytes += buffer.length;
    }
  } finally {
    await file.close();
  }
  const totals = totalsOf(tally, options.decimals);
  await rename(partial, path);
  await writeFile(`${path}.json`, `${JSON.stringify(totals, null, 2)}\n`);
  return totals;
}

/** Counted while the rows are made. */
interface Tally {
  read: number;
  dropped: number;
  filtered: number;
  groups: number;
  quantity: bigint;
  /** In units of 10^-decimals. */
  revenue: bigint;
  bytes: number;
}

/** How a row is written. */
interface Form {
  header: string;
  /** @param fields as in CSV, in the order of the columns */
  row(fields: readonly string[]): string;
}

const csvForm: Form = { header: `${SALES_COLUMNS.join(',')}\n`, row: (fields) => `${fields.join(',')}\n` };

const jsonForm: Form = {
  header: '',
  row: (fields) =>
    `{${SALES_COLUMNS.map((name, index) => `"${name}":${jsonValue(fields[index] ?? '', index)}`).join(',')}}\n`,
};

/** Quantity and price are numbers. */
function jsonValue(field: string, index: number): string {
  if (field === '') return 'null';
  if (index > 2) return field;
  return field.startsWith('"') ? JSON.stringify(field.slice(1, -1).replaceAll('""', '"')) : `"${field}"`;
}

/** The text of the file, header first, in blocks of about {@link BLOCK_CHARS}. */
function* salesBlocks(options: SalesOptions, tally: Tally, form: Form): Generator<string> {
  const dates = datesFrom(options.from, options.days ?? daysFor(options.groups));
  const productCount = Math.max(1, Math.ceil(options.groups / dates.length));
  const products = createCatalogue(productCount, options.quoted, options.decimals);
  const random = mulberry32(options.seed);
  const seen = new Uint8Array(dates.length * products.length);
  let block = form.header;
  // Sums of one block are exact as doubles: some 50,000 rows of at most 10 pieces at 10^8 units.
  let blockQuantity = 0;
  let blockRevenue = 0;
  for (; tally.read < options.rows; tally.read++) {
    if (block.length >= BLOCK_CHARS) {
      yield block;
      tally.quantity += BigInt(blockQuantity);
      tally.revenue += BigInt(blockRevenue);
      block = '';
      blockQuantity = blockRevenue = 0;
    }
    const position = options.byDate ? tally.read / options.rows : random();
    const day = Math.floor(position * dates.length);
    const productIndex = Math.floor(random() * products.length);
    const product = products[productIndex] as Product;
    const price = product.prices[Math.floor(random() * product.prices.length)] as Price;
    const quantity = random() < options.zeros ? 0 : 1 + Math.floor(random() * QUANTITY_MAX);
    const fields = [dates[day] as string, product.id, product.nameField, String(quantity), price.field];
    if (random() < options.nulls) {
      fields[Math.floor(random() * fields.length)] = '';
      block += form.row(fields);
      tally.dropped++;
      continue;
    }
    block += form.row(fields);
    if (quantity === 0) {
      tally.filtered++;
      continue;
    }
    const group = day * products.length + productIndex;
    tally.groups += 1 - (seen[group] as number);
    seen[group] = 1;
    blockQuantity += quantity;
    blockRevenue += quantity * price.units;
  }
  yield block;
  tally.quantity += BigInt(blockQuantity);
  tally.revenue += BigInt(blockRevenue);
}

function totalsOf(tally: Tally, decimals: number): SalesTotals {
  const { read, dropped, filtered } = tally;
  return {
    rows: { read, dropped, filtered, aggregated: read - dropped - filtered, output: tally.groups },
    quantity: String(tally.quantity),
    revenue: formatUnits(tally.revenue, decimals),
    decimals,
    bytes: tally.bytes,
  };
}

/** An exact decimal as text: `formatUnits(12345n, 2)` is `123.45`. */
export function formatUnits(units: bigint, decimals: number): string {
  const digits = String(units < 0n ? -units : units).padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  return `${units < 0n ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
}

function daysFor(groups: number): number {
  return Math.min(365, Math.max(30, Math.round(groups / 2000)));
}

function datesFrom(from: string, days: number): string[] {
  const start = Date.parse(`${from}T00:00:00Z`);
  return Array.from({ length: days }, (_, day) => new Date(start + day * DAY_MS).toISOString().slice(0, 10));
}

/**
 * A small seeded generator of numbers in [0, 1): Mulberry32 by Tommy Ettinger (public domain, 2017), which
 * passes gjrand's tests. Its period of 2^32 is enough for some 700 million rows.
 */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '' },
      groups: { type: 'string', default: '' },
      days: { type: 'string' },
      from: { type: 'string', default: SALES_DEFAULTS.from },
      quoted: { type: 'string', default: String(SALES_DEFAULTS.quoted) },
      nulls: { type: 'string', default: String(SALES_DEFAULTS.nulls) },
      zeros: { type: 'string', default: String(SALES_DEFAULTS.zeros) },
      decimals: { type: 'string', default: String(SALES_DEFAULTS.decimals) },
      'by-date': { type: 'boolean', default: SALES_DEFAULTS.byDate },
      seed: { type: 'string', default: String(SALES_DEFAULTS.seed) },
      out: { type: 'string', default: '' },
    },
  });
  if (values.out === '') throw new Error('--out FILE is needed');
  const totals = await generateSales(values.out, {
    rows: parseNumber('rows', values.rows),
    groups: parseNumber('groups', values.groups),
    ...(values.days === undefined ? {} : { days: parseNumber('days', values.days) }),
    from: values.from,
    quoted: parseNumber('quoted', values.quoted),
    nulls: parseNumber('nulls', values.nulls),
    zeros: parseNumber('zeros', values.zeros),
    decimals: parseNumber('decimals', values.decimals),
    byDate: values['by-date'],
    seed: parseNumber('seed', values.seed),
  });
  process.stdout.write(`${JSON.stringify(totals)}\n`);
}

function parseNumber(name: string, text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < 0) {
    throw new Error(`--${name}: expected a number, found "${text}"`);
  }
  return value;
}

if (require.main === module) {
  main().catch((error: unknown) => {
    process.stderr.write(`generate: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  });
}
