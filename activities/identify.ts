/** The activity by which a run that names no project, or no staging store, learns to whom it belongs. */
import type { Deps } from '../engine/deps';
import type { Ownership } from '../runtime/project';
import { toFailure } from './failures';
import { assertOwn } from './ownership';

/** @throws ApplicationFailure WRONG_WORKER when the run names another project, or another store */
export function createIdentify(
  deps: Deps,
  owner: Ownership,
): (asked: Partial<Ownership>) => Promise<Ownership> {
  return (asked) => {
    try {
      assertOwn(deps, owner, asked);
      return Promise.resolve(owner);
    } catch (error) {
      return Promise.reject(toFailure(error));
    }
  };
}
