/** Runs work in parallel: never more than a limit at a time. */
import { CancellationScope } from '@temporalio/workflow';

/** Like Promise.all. The first failure cancels the others, waits for them, and is thrown. */
export async function runTogether(lanes: readonly (() => Promise<void>)[]): Promise<void> {
  const scope = new CancellationScope({ cancellable: true });
  await scope.run(async () => {
    let failure: { error: unknown } | undefined;
    const guarded = async (lane: () => Promise<void>): Promise<void> => {
      try {
        await lane();
      } catch (error) {
        failure ??= { error };
        scope.cancel();
      }
    };
    await Promise.all(lanes.map(guarded));
    if (failure) throw failure.error;
  });
}

/** Works on all items, at most `limit` at a time; after a failure no further item is started. */
export async function fanOut<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const item of queue) {
      if (failed) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await runTogether(Array.from({ length: Math.min(limit, items.length) }, () => lane));
}
