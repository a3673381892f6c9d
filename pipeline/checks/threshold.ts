/** `> 100` or `>= 2.5%`: how many failing rows a check warns or fails at. */
import { z } from 'zod';
import { show } from '../config/problems';

export interface Threshold {
  /** As written. */
  text: string;
  operator: '>' | '>=';
  /** The number of rows, or the percentage, times 10 to the power of `scale`. */
  limit: bigint;
  scale: number;
  percent: boolean;
}

const FORM = /^\s*(>=?)\s*(\d{1,18})(?:\.(\d{1,9}))?\s*(%?)\s*$/;

/** An option that is a threshold; it stays text. */
export function threshold() {
  return z.string().refine((text) => isThreshold(text), {
    error: ({ input }) =>
      `found ${show(input)}, expected a number of rows or a percentage: "> 100" or "> 5%".`,
  });
}

function isThreshold(text: string): boolean {
  const [, , digits = '', decimals, percent] = FORM.exec(text) ?? [];
  if (digits === '') return false;
  return percent === '%' ? Number(`${digits}.${decimals ?? '0'}`) <= 100 : decimals === undefined;
}

/** @param text that has passed {@link threshold} */
export function parseThreshold(text: string): Threshold {
  const [, operator = '>', digits = '0', decimals = '', percent] = FORM.exec(text) ?? [];
  return {
    text: text.trim(),
    operator: operator === '>=' ? '>=' : '>',
    limit: BigInt(digits + decimals),
    scale: decimals.length,
    percent: percent === '%',
  };
}

/** Exact, also for shares that a double cannot hold. Of no rows, no share is reached. */
export function reaches(
  { operator, limit, scale, percent }: Threshold,
  failing: number,
  rows: number,
): boolean {
  if (percent && rows === 0) return false;
  const found = BigInt(failing) * 10n ** BigInt(scale) * (percent ? 100n : 1n);
  const allowed = limit * (percent ? BigInt(rows) : 1n);
  return operator === '>' ? found > allowed : found >= allowed;
}
