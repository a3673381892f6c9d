/** The signals that end a command. They are caught from the first moment of a process. */
import { FlexetlError } from '../pipeline/errors';

export type StopSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM';

/** Calls back on each signal until the returned function is called. */
export type OnInterrupt = (handler: (signal: StopSignal) => void) => () => void;

/** As shells have it: 128 and the number of the signal. */
export const SIGNAL_EXIT: Record<StopSignal, number> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** While there is no handler, nothing has to be cleaned up: a signal then ends the process at once. */
export function catchSignals(): OnInterrupt {
  const handlers = new Set<(signal: StopSignal) => void>();
  for (const signal of Object.keys(SIGNAL_EXIT) as StopSignal[]) {
    process.on(signal, () => {
      if (handlers.size === 0) process.exit(SIGNAL_EXIT[signal]);
      for (const handler of [...handlers]) handler(signal);
    });
  }
  return (handler) => {
    handlers.add(handler);
    return () => handlers.delete(handler);
  };
}

/** Why a command ended before its work was done. */
export function interruptedBy(signal: StopSignal): FlexetlError {
  return new FlexetlError('CANCELLED', { message: `The command was ended by ${signal}.` });
}
