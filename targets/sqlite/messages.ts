/** What crosses between the plugin and the thread that holds SQLite. All of it survives a structured clone. */
import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../pipeline/errors';
import type { Schema } from '../../pipeline/types';
import type { LoadKey } from '../../plugin/target';
import type { PartSlice } from '../../runtime/batches/part';

export interface Destination {
  /** Absolute path of the database file. */
  file: string;
  /** The path as users wrote it, for messages. */
  shownFile: string;
  table: string;
  mode: 'replace' | 'append';
}

export type Job = Destination &
  (
    | { task: 'check'; schema: Schema }
    | { task: 'load'; schema: Schema; key: LoadKey; part: PartSlice; scratchDir: string }
    | { task: 'publish'; schema: Schema; key: LoadKey; rowsExpected: number | undefined }
    | { task: 'discard'; key: LoadKey }
  );

/** What the thread gets: a job, and the channel on which it answers and is cancelled. */
export interface Assignment {
  job: Job;
  port: MessagePort;
}

export type TaskOf<Task extends Job['task']> = Extract<Job, { task: Task }>;

export type ToThread = { abort: true };

export type FromThread =
  | { written: number }
  | { done: { rows: number } }
  | { failed: { code: ErrorCode; message: string; hint: string | undefined } };
