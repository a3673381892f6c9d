/**
 * What is sent to a workflow, decoded. Anyone can start one with an input that nobody can decode, as `{` for JSON or a text
 * in an encryption of others. The SDK would throw, and the server repeat the task for ever: here it is undefined, which
 * `parseRequest` refuses.
 */
import { defaultPayloadConverter, type PayloadConverter } from '@temporalio/common';

export const payloadConverter: PayloadConverter = {
  toPayload: (...given) => defaultPayloadConverter.toPayload(...given),
  fromPayload<T>(...given: Parameters<PayloadConverter['fromPayload']>) {
    try {
      return defaultPayloadConverter.fromPayload(...given) as T;
    } catch {
      return undefined as T;
    }
  },
};
