import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  deadlineMs?: number;
  /** What is waited for, as the error tells it. */
  what: string;
}

/** Polls until the condition gives a truthy value, and returns it; fails after the deadline (default 10 s). */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { deadlineMs = 10_000, what }: WaitOptions,
): Promise<NonNullable<T>> {
  const endMs = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > endMs) throw new Error(`Waited ${deadlineMs} ms in vain for ${what}.`);
    await delay(10);
  }
}
