/** What may travel through Temporal. */
import { FlexetlError } from './errors';
import { LIMITS } from './limits';

/** @throws FlexetlError PAYLOAD_TOO_LARGE: Temporal would retry an oversized result for ever */
export function assertSmall(what: string, payload: unknown): void {
  const bytes = new TextEncoder().encode(JSON.stringify(payload) ?? '').length;
  if (bytes <= LIMITS.payloadBytesMax) return;
  throw new FlexetlError('PAYLOAD_TOO_LARGE', {
    message: `The payload of ${what} has ${bytes} bytes, the limit is ${LIMITS.payloadBytesMax}.`,
    hint: 'Use fewer columns, files or expressions.',
  });
}
