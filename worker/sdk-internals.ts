/**
 * All that FlexETL knows of the inside of Temporal's SDK. Nothing of it is documented, so every release may change it:
 * tests/unit/sdk-internals.test.ts fails until it has been checked again. With another version a worker does without.
 */
import type { WorkerOptions } from '@temporalio/worker';
import { version } from '@temporalio/worker/package.json';

/** The version on which all of this was checked. */
export const CHECKED_SDK_VERSION = '1.24.0';

/**
 * Options with which workflows run in the thread of the process: what the SDK calls debugging is no thread of their
 * own, and no limit on the time of a workflow's turn. Worth 0.3 s and 40 MB: docs/decisions/0013-one-thread-for-a-run.md
 */
export function oneThreadOptions(sdkVersion = version): Pick<WorkerOptions, 'debugMode'> {
  return sdkVersion === CHECKED_SDK_VERSION ? { debugMode: true } : {};
}

/**
 * To tell the Web UI what an open workflow waits for, the SDK looks at every promise of the thread. Where activities
 * share that thread, reading records one by one would take half as long again. Call it once the worker is created.
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
  /** What the SDK reads of them all the same. */
  unusedContents: 'exports.defaultWorkflowInterceptorModules = [];',
  /** Finds the native part beside itself. */
  native: /^\.\/common$/,
  nativeEntry: '@temporalio/core-bridge/common',
} as const;
