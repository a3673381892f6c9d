/** Values of a cursor: numbers and times, compared exactly as billionths of a unit or second. */
import type { CursorOptions } from '../plugin/incremental';

export const UNIT = 1_000_000_000n;

export type CursorKind = 'number' | 'time';

const NUMBER = /^([+-]?)(\d{1,30})(?:\.(\d{1,9})0*)?$/;
const TIME =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

export function kindOfCursor(value: string | number): CursorKind {
  return NUMBER.test(String(value)) ? 'number' : 'time';
}

/** @returns undefined for a text that is no such value. A time without a zone is in UTC. */
export function parseCursor(text: string, kind: CursorKind): bigint | undefined {
  if (kind === 'number') {
    const [, sign, whole, fraction = ''] = NUMBER.exec(text) ?? [];
    if (whole === undefined) return undefined;
    const value = BigInt(whole) * UNIT + BigInt(fraction.padEnd(9, '0'));
    return sign === '-' ? -value : value;
  }
  const [, day, minutes = '00:00', seconds = '00', fraction = '', zone = 'Z'] = TIME.exec(text) ?? [];
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(-2).padStart(2, '0')}`;
  const full = zone.length === 3 ? `${zone}:00` : offset;
  const ms = Date.parse(`${day ?? ''}T${minutes}:${seconds}${full}`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** Seconds or units as billionths. */
export function spanOf(amount: number): bigint {
  return BigInt(Math.round(amount * 1e9));
}

export type Granularity = NonNullable<CursorOptions['granularity']> | 'number';

const UNITS: Record<Granularity, bigint> = {
  number: 1n,
  day: 86_400n * UNIT,
  second: UNIT,
  millisecond: 1_000_000n,
  microsecond: 1_000n,
};

export function granularityOf({ initial_value, granularity }: CursorOptions): Granularity {
  if (kindOfCursor(initial_value) === 'number') return 'number';
  if (granularity) return granularity;
  const [, , minutes, , fraction = ''] = TIME.exec(String(initial_value)) ?? [];
  if (minutes === undefined) return 'day';
  if (fraction === '') return 'second';
  return fraction.length <= 3 ? 'millisecond' : 'microsecond';
}

/** The value, or the last one before it, that a request can ask for. */
export function floorCursor(value: bigint, granularity: Granularity): bigint {
  const unit = UNITS[granularity];
  const rest = ((value % unit) + unit) % unit;
  return value - rest;
}

/** The value, or the first one after it, that a request can ask for. */
export function ceilCursor(value: bigint, granularity: Granularity): bigint {
  const floor = floorCursor(value, granularity);
  return floor === value ? value : floor + UNITS[granularity];
}

/** As requests have it: a number, or a time in UTC as exact as the granularity. */
export function formatCursor(value: bigint, granularity: Granularity): string {
  if (granularity === 'number') {
    const [whole, rest] = [value / UNIT, value % UNIT];
    const fraction = String(rest < 0n ? -rest : rest)
      .padStart(9, '0')
      .replace(/0+$/, '');
    const sign = value < 0n && whole === 0n ? '-' : '';
    return fraction === '' ? String(whole) : `${sign}${whole}.${fraction}`;
  }
  const second = floorCursor(value, 'second');
  const iso = new Date(Number(second / 1_000_000n)).toISOString();
  if (granularity === 'day') return iso.slice(0, 10);
  const digits = { second: 0, millisecond: 3, microsecond: 6 }[granularity];
  const fraction = String(value - second)
    .padStart(9, '0')
    .slice(0, digits);
  return `${iso.slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}Z`;
}
