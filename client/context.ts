/** What a command gets from its process. */
import type { Writable } from 'node:stream';
import type { Settings } from '../runtime/settings';
import type { OnInterrupt } from './signals';

export interface CommandContext {
  settings: Settings;
  /** Absolute; paths in arguments are relative to it. */
  cwd: string;
  /** Results. */
  stdout: Writable;
  /** Diagnostics, progress, questions. */
  stderr: Writable;
  /** True when `stderr` is a terminal, so that a progress bar makes sense. */
  interactive: boolean;
  /** Results as JSON. */
  json: boolean;
  /** Collects the results of a command that prints several of them as one list. */
  results?: unknown[];
  /** Stack traces of errors. */
  debug: boolean;
  /** What is closed when the command has ended. */
  closers: (() => Promise<void>)[];
  /** Ctrl-C, SIGTERM, or the end of the terminal. */
  onInterrupt: OnInterrupt;
}

export const EXIT = { done: 0, checkFailed: 1, usage: 2, runFailed: 3, interrupted: 130 } as const;
