/** The products of a generated sales file: names and prices as in real exports. */

export interface Product {
  id: string;
  /** As in the file: quoted if the text has a comma or a quote. */
  nameField: string;
  /** List price first, then what it was really sold for. */
  prices: Price[];
}

export interface Price {
  /** As in the file: `19.99`, `7.5`, `0.10`. */
  field: string;
  /** The exact value in units of 10^-decimals. */
  units: number;
}

/** The first two are the rows of the requirements document. Prices have at most two decimals. */
const ASSORTMENT: readonly (readonly [name: string, price: string])[] = [
  ['Laptop', '1200.00'],
  ['Mouse', '25.00'],
  ['Keyboard', '49.90'],
  ['Monitor', '1249.00'],
  ['USB-C Cable', '7.5'],
  ['Kopfhörer', '89.95'],
  ['Büroklammern', '0.10'],
  ['Webcam', '64.49'],
  ['Desk Lamp', '19.99'],
  ['Notebook A5', '2.49'],
  ['Café Crème Mug', '11.9'],
  ['Standing Desk', '699.00'],
  ['Office Chair', '329.5'],
  ['Printer Paper', '4.79'],
  ['Toner Cartridge', '74.05'],
  ['Phone Case', '14.99'],
  ['Power Bank', '34.95'],
  ['SSD 1 TB', '99.89'],
  ['Memory Card', '17.29'],
  ['Übergangsstecker', '8.15'],
  ['Router', '129.00'],
  ['Surge Protector', '22.4'],
  ['Backpack', '59.95'],
  ['Ballpoint Pen', '0.85'],
  ['Sticky Notes', '1.05'],
];

const VARIANTS = ['', 'Pro', 'Mini', 'Plus', 'Eco', 'XL', 'Travel', 'Classic'];

/** What makes a name need quotes: commas, doubled quotes, both, and not only ASCII. */
const QUOTED_ENDINGS = [', black', ' 27"', ' "Zürich"', ', Größe L', ', 3-pack, "blue"', ' 5 ft 6"'];

/** Its multiples spread evenly over [0, 1), so quoted products fall on all kinds of goods. */
const GOLDEN_RATIO = 0.618033988749895;

/** Share of the list price, in percent, over which the sales of a product spread. */
const PRICE_PERCENTS = [100, 100, 90, 85];

/** Prices with more than two decimals, as weighed or metered goods have them; only where `decimals` allows. */
const FINE_PRICES = ['3.333', '0.0125', '1.005', '12.3456'];

/**
 * @param count products, at least 1
 * @param quotedShare share of the products whose name field is quoted, 0 to 1, met closely
 * @param decimals digits after the point that prices may have: 2 or 4
 */
export function createCatalogue(count: number, quotedShare: number, decimals: number): Product[] {
  const digits = Math.max(3, String(count).length);
  return Array.from({ length: count }, (_, index) => ({
    id: `P${String(index + 1).padStart(digits, '0')}`,
    nameField: nameField(index, ((index + 1) * GOLDEN_RATIO) % 1 < quotedShare),
    prices: pricesOf(index, decimals),
  }));
}

function nameField(index: number, quoted: boolean): string {
  const [base] = pick(ASSORTMENT, index);
  const round = Math.floor(index / ASSORTMENT.length);
  const variant = pick(VARIANTS, round);
  const series = round < VARIANTS.length ? '' : String(Math.floor(round / VARIANTS.length) + 1);
  const name = [base, variant, series].filter((word) => word !== '').join(' ');
  if (!quoted) return name;
  return `"${(name + pick(QUOTED_ENDINGS, index)).replaceAll('"', '""')}"`;
}

function pricesOf(index: number, decimals: number): Price[] {
  const [, list] = pick(ASSORTMENT, index);
  // The same thing in another variant does not cost the same: up to 39 cents apart.
  const listCents = Math.round(Number(list) * 100) + (Math.floor(index / ASSORTMENT.length) % 40);
  const prices = PRICE_PERCENTS.map((percent, place): Price => {
    if (place === 0 && index < ASSORTMENT.length) return parsePrice(list, decimals);
    return parsePrice((Math.max(1, Math.round((listCents * percent) / 100)) / 100).toFixed(2), decimals);
  });
  if (decimals > 2 && listCents < 1000 && index % 2 === 0)
    prices.push(parsePrice(pick(FINE_PRICES, index / 2), decimals));
  return prices;
}

/** @throws Error when the price has more digits after the point than `decimals` */
function parsePrice(field: string, decimals: number): Price {
  const [whole = '', fraction = ''] = field.split('.');
  if (fraction.length > decimals) throw new Error(`price ${field}: more than ${decimals} decimals`);
  return { field, units: Number(whole + fraction.padEnd(decimals, '0')) };
}

function pick<T>(items: readonly T[], index: number): T {
  return items[Math.floor(index) % items.length] as T;
}
