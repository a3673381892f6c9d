/**
 * What a source and a target are, and the functions that declare one.
 *
 * A plugin is one file with one object: its options (a zod schema whose fields describe themselves), what it
 * does, and how it behaves under failure. Adding it to the `index.ts` beside it makes it known to the
 * configuration, the JSON Schema, the reference docs and the conformance suite.
 */
import type { z } from 'zod';
import type { Column, TextRules } from './types';

// ── Sources ───────────────────────────────────────────────────────────────────────────────────────────────

/** What plugins may use of the world; handed in, never imported. */
export interface Tools {
  /** Absolute folder of the project; relative paths in options are relative to it. */
  projectDir: string;
  /** Absolute folder of the run's staging, shared by all its activities on all workers. */
  runDir: string;
  /** Absolute scratch folder of this attempt; emptied afterwards. */
  scratchDir: string;
  /** Aborts on cancellation and shutdown. */
  signal: AbortSignal;
  /** Progress of long work, in bytes read or rows written. */
  progress(done: number): void;
}

export interface SourceFile {
  /** As shown to users: relative to the project where it lies inside. */
  path: string;
  bytes: number;
  /** Changes whenever the content does: size, mtime and a hash of head and tail. */
  fingerprint: string;
}

/** What a source is, found by looking at it once. */
export interface SourceSurvey {
  files: readonly SourceFile[];
  /** Column names in order, as the source has them. */
  columns: readonly string[];
  /** Records from the head, as text; null for a null. */
  sample: readonly (readonly (string | null)[])[];
  /** Mean bytes of a record in the sample; 0 when there is none. */
  recordBytes: number;
  /** Everything detected that a later step needs (delimiter, data start, …); small JSON. */
  detected: unknown;
}

/** A contiguous range of whole records of one file; the unit of checkpoints and parallel work. */
export interface Chunk {
  index: number;
  /** Index into the survey's files. */
  file: number;
  /** Byte range [start, end) of whole records. */
  start: number;
  end: number;
}

/** One record as text, or the reason why it is none. */
export interface SourceRecord {
  /** Physical line where the record starts, 1-based within the file. */
  line: number;
  /** 1-based within the file, header not counted. */
  record: number;
  /** Offset of the record's first byte within the file. */
  byteOffset: number;
  /** Texts in the order of the survey's columns, or null when the record is broken. */
  values: (string | null)[] | null;
  /** Why a broken record is broken. */
  reason?: string;
}

/** A chunk as DuckDB can read it. */
export interface TextRelation {
  /** A relation with one VARCHAR column per survey column, in record order. */
  sql: string;
  /** Absolute paths that it reads. */
  reads: string[];
  /**
   * Settles beside the query: false when the chunk holds something that DuckDB reads otherwise than the careful
   * lane without noticing, so that what the query gave must not be used. Rejects when the chunk cannot be read.
   */
  sound: Promise<boolean>;
}

export interface Source<Options> {
  type: string;
  description: string;
  options: z.ZodType<Options>;
  textRules(options: Options): TextRules;
  /** @throws FlexetlError SOURCE_MISSING, SOURCE_UNREADABLE */
  survey(options: Options, tools: Tools): Promise<SourceSurvey>;
  /** Cuts the source at true record boundaries into chunks of about `chunkBytes`. Deterministic. */
  planChunks(options: Options, survey: SourceSurvey, chunkBytes: number, tools: Tools): Promise<Chunk[]>;
  /**
   * Fast lane: makes a chunk readable for DuckDB.
   * The query may fail on broken records; the careful lane then decides.
   */
  relation(options: Options, survey: SourceSurvey, chunk: Chunk, tools: Tools): Promise<TextRelation>;
  /** Careful lane: the same rows, one by one, with their places; broken records are yielded, not thrown. */
  records(options: Options, survey: SourceSurvey, chunk: Chunk, tools: Tools): AsyncIterable<SourceRecord>;
  /** @throws FlexetlError SOURCE_CHANGED when a file is not what the survey saw */
  assertUnchanged(options: Options, survey: SourceSurvey, file: number, tools: Tools): Promise<void>;
}

export function defineSource<Options>(source: Source<Options>): Source<Options> {
  return source;
}

export type { Column };
