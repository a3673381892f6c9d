/** A record as it is in its source, shortened for display. */
import { LIMITS } from './limits';

/** The first `LIMITS.rawCharsMax` characters of a record's text; never half of a surrogate pair. */
export function shortenRaw(text: string): string {
  const head = text.slice(0, LIMITS.rawCharsMax);
  return /[\ud800-\udbff]$/.test(head) ? head.slice(0, -1) : head;
}
