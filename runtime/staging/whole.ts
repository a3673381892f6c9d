/** Staged parts that may be damaged: then they are as good as not staged. */
import { FlexetlError } from '../../pipeline/errors';
import type { RunStaging, StagedPart } from './store';

/** The part of a name; a damaged one is removed, so that its step is done again. */
export async function findWhole<R extends object>(
  staging: RunStaging,
  name: string,
  how: 'fetch' | 'open' = 'fetch',
): Promise<StagedPart<R> | undefined> {
  try {
    return await staging[how]<R>(name);
  } catch (error) {
    if (!isDamage(error)) throw error;
    await staging.remove(name);
    return undefined;
  }
}

export function isDamage(error: unknown): boolean {
  return error instanceof FlexetlError && error.code === 'STAGING_DAMAGED';
}
