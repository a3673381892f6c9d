/** What crosses between the plugin and the thread that holds SQLite. All of it survives a structured clone. */
import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../pipeline/errors';
import type { LoadKey } from '../../pipeline/plugin';
import type { Schema } from '../../pipeline/types';

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
    | { task: 'load'; schema: Schema; key: LoadKey; part: number }
    | { task: 'publish'; schema: Schema; key: LoadKey; rowsExpected: number | undefined }
    | { task: 'discard'; key: LoadKey }
  );

/** What the thread gets: a job, and the channel on which it is fed, answers and is cancelled. */
export interface Assignment {
  job: Job;
  port: MessagePort;
}

export type TaskOf<Task extends Job['task']> = Extract<Job, { task: Task }>;

/** One column of a record batch: its Arrow buffers, each alone in its memory so that it can be transferred. */
export interface PackedColumn {
  values: ArrayBuffer;
  /** Only for text. */
  offsets: Int32Array | null;
  /** One bit a row, set for a value; null when no row is null. */
  validity: Uint8Array | null;
  /** Row 0 is this bit of `validity`, and of `values` for booleans. */
  bitOffset: number;
}

export interface PackedBatch {
  rows: number;
  columns: PackedColumn[];
}

export type ToThread = { batch: PackedBatch } | { end: true } | { abort: true };

export type FromThread =
  | { written: number }
  | { done: { rows: number } }
  | { failed: { code: ErrorCode; message: string; hint: string | undefined } };
