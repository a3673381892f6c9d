/**
 * Everything in FlexETL that depends on undocumented parts of Temporal's SDK. Every release may change them:
 * tests/unit/sdk-internals.test.ts fails until they are checked again. With another version a worker does not use them.
 */
import type { WorkerOptions } from '@temporalio/worker';
import { version } from '@temporalio/worker/package.json';

/** The version on which all of this was checked. */
export const CHECKED_SDK_VERSION = '1.24.0';

/**
 * Options with which workflows run in the main thread: in the SDK's debug mode they have no own thread, and the time
 * of a workflow task is not limited. Worth 0.3 s and 40 MB: docs/decisions/0013-one-thread-for-a-run.md
 */
export function oneThreadOptions(sdkVersion = version): Pick<WorkerOptions, 'debugMode'> {
  return sdkVersion === CHECKED_SDK_VERSION ? { debugMode: true } : {};
}

/**
 * To show in the Web UI what an open workflow waits for, the SDK watches every promise of the thread. If activities
 * share that thread, reading records one by one takes twice as long. Call it once the worker is created.
 */
export function stopWatchingPromises(sdkVersion = version): void {
  if (sdkVersion !== CHECKED_SDK_VERSION) return;
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- another version may not have it
  const shared = require('@temporalio/worker/lib/workflow/vm-shared') as {
    globalHandlers: { uninstall(): void };
  };
  shared.globalHandlers.uninstall();
}

/** For build/pack.ts. Patterns are of what the SDK's own files import. */
export const SDK_MODULES = {
  /** Started by its path, as a file beside the one that starts it. */
  workflowThread: /^\.\/workflow-worker-thread$/,
  workflowThreadEntry: '@temporalio/worker/lib/workflow/workflow-worker-thread',
  /** Compiling workflows, and the debugger: never used by a worker that has a bundle, and slow to load. */
  unused: /\/(bundler|debug-replayer)$/,
  /** The part of them that the SDK reads anyway. */
  unusedContents: 'exports.defaultWorkflowInterceptorModules = [];',
  /** Finds the native part in its own folder. */
  native: /^\.\/common$/,
  nativeEntry: '@temporalio/core-bridge/common',
} as const;
