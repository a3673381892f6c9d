/** A record as it stands in its source, for people to look at. */
import { LIMITS } from './limits';

/** The head of a record's text; never half a character. */
export function shortenRaw(text: string): string {
  const head = text.slice(0, LIMITS.rawCharsMax);
  return /[\ud800-\udbff]$/.test(head) ? head.slice(0, -1) : head;
}
