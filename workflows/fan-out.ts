/** Runs work in a window: never more than `limit` at a time. */
import { CancellationScope } from '@temporalio/workflow';

/**
 * Like Promise.all with a bound. The first failure cancels what is in flight, waits for it, and is thrown.
 * @param keepGoing asked before each item; false ends the loop after those in flight
 */
export async function fanOut<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
  keepGoing: () => boolean = () => true,
): Promise<void> {
  const queue = items.values();
  const scope = new CancellationScope({ cancellable: true });
  await scope.run(async () => {
    let failure: { error: unknown } | undefined;
    const lane = async (): Promise<void> => {
      for (const item of queue) {
        try {
          await work(item);
        } catch (error) {
          failure ??= { error };
          scope.cancel();
        }
        if (failure || !keepGoing()) return;
      }
    };
    await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
    if (failure) throw failure.error;
  });
}
