/** Messages between the target and the thread of SQLite. All of them survive a structured clone. */
import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../pipeline/errors';
import type { Schema } from '../../pipeline/types';
import type { LoadKey, StateKey, StateToSave } from '../../plugin/target';
import type { PartSlice } from '../../runtime/batches/part';
import type { SqliteOptions } from './dialect';

/** A call of an open target. */
export type Call =
  | { method: 'check'; schema: Schema }
  | { method: 'begin'; key: LoadKey; anyRun: boolean }
  | { method: 'load'; key: LoadKey; part: PartSlice }
  | {
      method: 'publish';
      key: LoadKey;
      schema: Schema;
      rowsExpected: number | undefined;
      states: readonly StateToSave[] | undefined;
    }
  | { method: 'state'; key: StateKey }
  | { method: 'discard'; key: LoadKey };

export interface Job {
  options: SqliteOptions;
  projectDir: string;
  scratchDir: string;
  call: Call;
}

/** What the thread gets: a job, and the channel on which it answers and is cancelled. */
export interface Assignment {
  job: Job;
  port: MessagePort;
}

export type ToThread = { abort: true };

export type FromThread =
  | { progress: number }
  | { done: unknown }
  | { failed: { code: ErrorCode; message: string; hint: string | undefined } };
