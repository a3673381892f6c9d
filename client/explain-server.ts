/** Errors of Temporal's SDK and server as ours. */
import { FlexetlError, messageOf, type ErrorCode } from '../pipeline/errors';

/** @returns undefined for an error that has nothing to do with the server */
export function explainServer(error: unknown): FlexetlError | undefined {
  const { name, cause } = (error ?? {}) as Error;
  const answer = [error, cause].find(isGrpcError);
  if (!answer && name !== 'ServiceError' && name !== 'TransportError') return undefined;
  const refused = answer && ANSWERS[answer.code];
  const says = refused
    ? answer.details
    : [error, ...(cause === undefined ? [] : [cause])].map(messageOf).join(': ');
  const { code, what, hint } = refused ?? UNREACHABLE;
  return new FlexetlError(code, { message: `${what}: ${says.replace(/\.$/, '')}.`, hint, cause: error });
}

interface Explanation {
  code: ErrorCode;
  what: string;
  hint: string;
}

const UNREACHABLE: Explanation = {
  code: 'SERVER_UNREACHABLE',
  what: 'The Temporal server failed',
  hint: 'Start the server and run the pipeline again: an open run then continues.',
};
const REFUSED: Explanation = {
  code: 'SERVER_REFUSED',
  what: 'The Temporal server refused a request',
  hint: 'See what it says: its limits, its version and its settings decide what it takes.',
};
const FORBIDDEN: Explanation = {
  ...REFUSED,
  hint: 'Check TEMPORAL_API_KEY, the certificates, and what they may do in this namespace.',
};

/** By gRPC status code. All others mean that the server is not there, or not well. */
const ANSWERS: Readonly<Record<number, Explanation>> = {
  3: REFUSED, // invalid argument: too large, unknown search attribute, wrong type
  5: { ...REFUSED, hint: 'Check TEMPORAL_NAMESPACE.' }, // not found
  7: FORBIDDEN, // permission denied
  8: REFUSED, // resource exhausted
  9: REFUSED, // failed precondition
  11: REFUSED, // out of range
  12: REFUSED, // unimplemented
  16: FORBIDDEN, // unauthenticated
};

function isGrpcError(error: unknown): error is { code: number; details: string } {
  const { code, details } = (error ?? {}) as { code?: unknown; details?: unknown };
  return typeof code === 'number' && typeof details === 'string';
}
