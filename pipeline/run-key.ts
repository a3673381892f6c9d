/** The identity of a run towards its targets. */

/** 1 to 200 printable characters. */
export const RUN_KEY = /^[\p{L}\p{N}\p{P}\p{S} ]{1,200}$/u;

/**
 * A new key, unique and sorted by time: `2026-11-23T20-21-10Z-1f3a5c7e`.
 * @param random at least 8 random characters
 */
export function mintRunKey(now: Date, random: string): string {
  return `${now.toISOString().slice(0, 19).replaceAll(':', '-')}Z-${random.slice(0, 8)}`;
}
