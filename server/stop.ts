/** Waiting that a signal to the command ends. */

/**
 * Waits for work that leaves nothing to clean up.
 * @param stopped its reason is thrown when it is aborted first; the work is not ended
 */
export async function untilStopped<T>(work: Promise<T>, stopped: AbortSignal | undefined): Promise<T> {
  if (!stopped) return work;
  let stop = (): void => undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    stop = () => reject(stopped.reason as Error);
    if (stopped.aborted) stop();
    else stopped.addEventListener('abort', stop);
  });
  // Of two failures one is thrown; the other must not end the process.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, ended]);
  } finally {
    stopped.removeEventListener('abort', stop);
  }
}
