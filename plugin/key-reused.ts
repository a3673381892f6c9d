/** The error of a run key that belongs to other rows. */
import { FlexetlError } from '../pipeline/errors';
import type { EarlierLoad, LoadKey } from './target';

/** @param place of the target, for users */
export function keyReused(
  place: string,
  key: LoadKey,
  { rows, content, publishedAt }: EarlierLoad,
): FlexetlError {
  return new FlexetlError('KEY_REUSED', {
    message:
      `Run key "${key.runKey}" has loaded ${content} into ${place} at ${publishedAt} (${rows} ${rows === 1 ? 'row' : 'rows'}); ` +
      `now it is asked to load ${key.content}. Nothing was published.`,
    hint: 'A run key belongs to one input and one pipeline: load this one under another run key, or without one.',
  });
}
