/** One process at a time: a lock that is released when its holder is killed. */
import { dirname } from 'node:path';
import { lock } from 'proper-lockfile';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';

const LOOK_MS = 20;

/**
 * Runs `work` while no other process (and no other caller in this one) holds the lock. The lock of a holder that was
 * killed is taken over after {@link LIMITS.lockStaleMs}.
 * @param path the lock appears there, in a folder that exists
 * @param onWait called once if another process holds the lock for more than a second
 * @throws FlexetlError INTERNAL if the lock is not free within `waitMs`
 */
export async function withLock<T>(
  path: string,
  onWait: () => void,
  work: () => Promise<T>,
  waitMs: number = LIMITS.lockWaitMs,
): Promise<T> {
  const notice = setTimeout(onWait, 1000);
  const options = {
    lockfilePath: path,
    stale: LIMITS.lockStaleMs,
    update: 1000,
    retries: { retries: waitMs / LOOK_MS, factor: 1, minTimeout: LOOK_MS, maxTimeout: LOOK_MS },
    onCompromised: () => undefined,
  };
  const unlock = await lock(dirname(path), options)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ELOCKED') throw error;
      throw new FlexetlError('INTERNAL', {
        message: `Another command has held ${path} for ${Math.round(waitMs / 1000)} s.`,
        hint: 'End that command, or remove the lock if there is none.',
      });
    })
    .finally(() => clearTimeout(notice));
  try {
    return await work();
  } finally {
    // A lock that was taken over while this process was stopped belongs to another process now.
    await unlock().catch(() => undefined);
  }
}
