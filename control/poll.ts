/** Looks at something again and again. */

/**
 * @param look never rejects
 * @returns a function that ends it and waits for the last look: a request that is repeated on a closed connection would
 *   end the process. It can be called twice.
 */
export function poll(look: () => Promise<void>, firstMs: number, intervalMs: number): () => Promise<void> {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();
  const lookIn = (delayMs: number): void => {
    timer = setTimeout(() => {
      looking = look().then(() => {
        if (!stopped) lookIn(intervalMs);
      });
    }, delayMs);
  };
  lookIn(firstMs);
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await looking;
  };
}
