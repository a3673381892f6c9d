/** Work on many files without opening them all at once. */
import { LIMITS } from '../pipeline/limits';

/** Like Promise.all over `map`, but at most `LIMITS.filesTogether` at a time; no further one starts after an error. */
export async function mapTogether<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array<R>(items.length);
  const queue = items.entries();
  const lane = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item, index);
  };
  try {
    await Promise.all(Array.from({ length: LIMITS.filesTogether }, lane));
  } catch (error) {
    queue.return?.();
    throw error;
  }
  return results;
}
