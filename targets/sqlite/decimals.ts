/** How decimals are kept so that they read back exactly: docs/decisions/0003-decimals-in-sqlite.md. */
export type SqliteValue = string | number | bigint | null;

/** A double tells any two decimals of at most this many digits apart, and prints them as they were. */
const REAL_DIGITS = 15;
const REAL_MAX = 10 ** REAL_DIGITS;
/** Powers of ten up to this one are exact doubles, so a division by them is rounded once, like a parsed text. */
const EXACT_POWER_MAX = 22;
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Reads decimals of 16 bytes.
 * @param asText give every value as text with all digits of its scale
 * @returns per row a number or bigint that reads back exactly, or undefined when there is none
 */
export function decimalReader(
  values: ArrayBuffer,
  scale: number,
  asText: boolean,
): (row: number) => SqliteValue | undefined {
  const words = new Int32Array(values);
  const halves = new BigInt64Array(values);
  const divisor = 10 ** scale;
  const unscaled = (row: number): bigint =>
    ((halves[2 * row + 1] ?? 0n) << 64n) | BigInt.asUintN(64, halves[2 * row] ?? 0n);
  if (asText) return (row) => formatDecimal(unscaled(row), scale);
  if (scale > EXACT_POWER_MAX) return (row) => storeDecimal(unscaled(row), scale);
  return (row) => {
    const high = words[4 * row + 1] ?? 0;
    const sign = high >> 31;
    if (words[4 * row + 2] === sign && words[4 * row + 3] === sign && high >= -(2 ** 20) && high < 2 ** 20) {
      const value = high * 2 ** 32 + ((words[4 * row] ?? 0) >>> 0);
      if (value < REAL_MAX && value > -REAL_MAX) return value / divisor;
    }
    return storeDecimal(unscaled(row), scale);
  };
}

/** A number of SQLite that reads back as this decimal, or undefined when there is none. */
export function storeDecimal(unscaled: bigint, scale: number): number | bigint | undefined {
  let digits = unscaled;
  let places = scale;
  while (places > 0 && digits % 10n === 0n) {
    digits /= 10n;
    places -= 1;
  }
  if (places === 0 && digits <= INT64_MAX && digits >= -INT64_MAX - 1n) return digits;
  const length = String(digits < 0n ? -digits : digits).length;
  return length <= REAL_DIGITS ? Number(formatDecimal(digits, places)) : undefined;
}

/** `-12345n` of scale 2 is `-123.45`. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const point = digits.length - scale;
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** The text of a decimal that was stored as a number: the twin of {@link storeDecimal}. */
export function decimalText(stored: SqliteValue, scale: number): string | null {
  if (stored === null || typeof stored === 'string') return stored;
  if (typeof stored === 'bigint') return formatDecimal(stored * 10n ** BigInt(scale), scale);
  // 15 digits d.ddde+x: all there were, so the division below leaves no remainder.
  const [mantissa = '0', exponent = '0'] = stored.toExponential(REAL_DIGITS - 1).split('e');
  const shift = Number(exponent) - (REAL_DIGITS - 1) + scale;
  const digits = BigInt(mantissa.replace('.', ''));
  return formatDecimal(shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift), scale);
}
