/** One process at a time: a lock in a folder, which survives nobody. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';

export interface LockOptions {
  /** An existing folder; the lock appears in it under `name`. */
  dir: string;
  name: string;
  /** Default: {@link LIMITS.lockWaitMs}. */
  waitMs?: number;
  /** Called once if somebody else holds the lock for more than a second. */
  onWait?: () => void;
}

/**
 * Runs `work` while no other process (and no other caller in this one) holds the lock. The lock of a holder
 * that was killed falls after {@link LIMITS.lockStaleMs}.
 * @throws FlexetlError INTERNAL when the lock is not had in time
 */
export async function withLock<T>(options: LockOptions, work: () => Promise<T>): Promise<T> {
  const unlock = await waitForLock(options);
  try {
    return await work();
  } finally {
    // A lock that was taken over while this process was stopped is no longer ours to remove.
    await unlock().catch(() => undefined);
  }
}

async function waitForLock(options: LockOptions): Promise<() => Promise<void>> {
  const { dir, name, waitMs = LIMITS.lockWaitMs, onWait } = options;
  const path = join(dir, name);
  const startedMs = Date.now();
  let told = false;
  for (;;) {
    try {
      return await lock(dir, {
        lockfilePath: path,
        stale: LIMITS.lockStaleMs,
        update: 1000,
        onCompromised: () => undefined,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
    }
    const waitedMs = Date.now() - startedMs;
    if (waitedMs > waitMs) {
      throw new FlexetlError('INTERNAL', {
        message: `Another command has held ${path} for ${Math.round(waitedMs / 1000)} s.`,
        hint: 'End that command, or remove the lock if there is none.',
      });
    }
    if (!told && waitedMs > 1000) {
      told = true;
      onWait?.();
    }
    await delay(20);
  }
}
