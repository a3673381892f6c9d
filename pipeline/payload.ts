/** What may travel through Temporal. */
import { FlexetlError } from './errors';
import { LIMITS } from './limits';

/** As many of the first items as fit into so many characters of JSON: a result must be small, whatever the input has. */
export function fitting<T>(items: readonly T[], charsMax: number): T[] {
  let room = charsMax;
  const end = items.findIndex((item) => (room -= JSON.stringify(item).length + 1) < 0);
  return end === -1 ? [...items] : items.slice(0, end);
}

/** @throws FlexetlError PAYLOAD_TOO_LARGE: Temporal would retry an oversized result for ever */
export function assertSmall(what: string, payload: unknown): void {
  const bytes = new TextEncoder().encode(JSON.stringify(payload) ?? '').length;
  if (bytes <= LIMITS.payloadBytesMax) return;
  throw new FlexetlError('PAYLOAD_TOO_LARGE', {
    message: `The payload of ${what} has ${bytes} bytes, the limit is ${LIMITS.payloadBytesMax}.`,
    hint: 'Use fewer columns, files or expressions.',
  });
}
