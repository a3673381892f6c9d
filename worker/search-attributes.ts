/** The search attributes of runs: whether the server has them. */
import type { NativeConnection } from '@temporalio/worker';
import { LIMITS } from '../pipeline/limits';
import { SEARCH_ATTRIBUTES } from '../pipeline/search-attributes';

/** Numbers of the protocol's `IndexedValueType`. */
const INDEXED = { Keyword: 2, Int: 3 } as const;

/**
 * Missing ones are created, where the server lets us. It knows new ones only after some seconds, and a run that sets an
 * unknown one stands still: so they are used by workers that are started later.
 * @returns whether runs may set them; never rejects
 */
export async function findSearchAttributes(
  connection: NativeConnection,
  namespace: string,
): Promise<boolean> {
  const { operatorService } = connection;
  const wanted = Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, INDEXED[type]] as const);
  const ask = <T>(work: () => Promise<T>): Promise<T> =>
    connection.withDeadline(Date.now() + LIMITS.progressDeadlineMs, work);
  try {
    const { customAttributes } = await ask(() => operatorService.listSearchAttributes({ namespace }));
    const missing = wanted.filter(([name, type]) => customAttributes[name] !== type);
    if (missing.length === 0) return true;
    await ask(() =>
      operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing) }),
    );
  } catch {
    // A key may not allow it, or an attribute of that name has another type.
  }
  return false;
}
