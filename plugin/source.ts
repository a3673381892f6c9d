/**
 * What a source is. There are two forms.
 *
 * A **record source** yields pages of records from a position: an API, a queue, a generator. FlexETL
 * lands each page in staging before it computes anything from it, so a retry asks for no page twice. Types, batches,
 * places of bad values and state are handled by FlexETL.
 *
 * A **file source** hands DuckDB a relation of texts for each partition of its files, and gives for any record of a
 * partition its place, and why it is broken.
 */
import type { z } from 'zod';
import type { TextRules } from '../pipeline/types';
import type { PluginContext } from './context';
import type { Bounds, CursorOptions } from './incremental';

/** A point from which reading can continue; small JSON that only the source understands. */
export type Position = null | boolean | number | string | Position[] | { [key: string]: Position };

// ── Record sources ────────────────────────────────────────────────────────────────────────────────────────

export interface Page {
  /**
   * In order. Values are JSON; numbers that must keep every digit are given as texts. A record may be a JSON text
   * instead: its numbers keep every digit, its strings are texts even where they look like numbers, and one that is no
   * JSON object is a reject.
   */
  records: readonly (Record<string, unknown> | string)[];
  /** Where the page after this one starts; undefined after the last one. */
  next?: Position;
  /** Pages with the same text here never have the same records: where they do, the source repeats itself, an error. */
  distinct?: string;
}

export interface RecordSource<Options> {
  kind: 'records';
  /** The YAML `type` and the file's name. */
  type: string;
  /** One sentence for the reference docs. */
  description: string;
  options: z.ZodType<Options>;
  /**
   * Where these options ask for only what is new: those that select the data. A state is kept for the source's type and
   * this selection. Undefined: all data are read every time.
   */
  incremental?(options: Options): object | undefined;
  /** Of a source that is read by a cursor: the option made of `incrementalByCursor`, where it is set. */
  cursor?(options: Options): CursorOptions | undefined;
  /**
   * The pages from a position on. After a failure it is called again with the position of the first page that is not
   * landed yet, and must yield the same pages as before.
   * @param from undefined: from the beginning
   * @param bounds with `cursor`: the records that are asked for; others are passed over
   */
  read(
    options: Options,
    context: PluginContext,
    from: Position | undefined,
    bounds?: Bounds,
  ): AsyncIterable<Page>;
  /**
   * The part of a position that no two pages have in common: where it repeats, the source goes in a circle, an error.
   * Absent: all of it.
   */
  place?(position: Position): Position;
  /** Texts that mean null, as null itself does. Absent: an empty text. */
  nullValues?(options: Options): readonly string[];
}

// ── File sources ──────────────────────────────────────────────────────────────────────────────────────────

export interface SourceFile {
  /** As shown to users: relative to the project if it is inside. */
  path: string;
  bytes: number;
  /** Changes whenever the content does: size, mtime and a hash of head and tail. */
  fingerprint: string;
  /** The same for every copy of the file; absent where it is too large to be read for this. */
  content?: string;
}

/** What prepare finds out about a source; plain JSON, the same for the whole run. */
export interface SourceSurvey {
  /** Empty for a record source. */
  files: readonly SourceFile[];
  /** Column names in order, as the source has them. */
  columns: readonly string[];
  /** Records from the head, as text; null for a null. */
  sample: readonly (readonly (string | null)[])[];
  /** Columns that are text, although some of their values look like numbers or booleans: JSON has these in quotes. */
  textColumns?: readonly string[];
  /** Mean bytes of a record in the sample; 0 when there is none. */
  recordBytes: number;
  /** What a user should know of what was detected or decided; in the report and in `plan`. */
  warnings?: readonly string[];
  /** Options that would make values of the texts of a column; said where its type is not declared. */
  proposals?: readonly { column: string; options: string }[];
  /** What was detected, as options of the source: a pipeline file that has them leaves nothing to detect. */
  pins?: Readonly<Record<string, string | number | boolean>>;
  /** What an incremental source reads this time, for users: `3 new files, 9 are loaded`. */
  scope?: string;
  /** It has nothing new: the run ends here, and succeeds. */
  nothingNew?: boolean;
  /** What the next run of an incremental source is given, where that is known beforehand. */
  state?: Position;
  /** Everything detected that a later step needs (delimiter, data start, …); small JSON. */
  detected: unknown;
}

/** Consecutive whole records: the unit of checkpoints and of parallel work. */
export interface Partition {
  index: number;
  /** Index into the survey's files. */
  file: number;
  /** Of several small files read together, the index of the last one; `end` is then in it. */
  lastFile?: number;
  /** Byte range [start, end) of whole records in the plain text of the file; for landed pages: page numbers. */
  start: number;
  end: number;
}

/** How large partitions are, in bytes of plain text. */
export interface PartitionSize {
  /** A file up to this size is one partition, read in place. */
  wholeBytesMax: number;
  /** A larger file is cut into partitions of about this size. */
  cutBytes: number;
}

/** The partitions: all known at once, or cut one after the other from a first position. */
export type Partitions = { known: readonly Partition[] } | { first: Position };

/** A partition that was cut, and where the next one starts. */
export interface Landed {
  partition: Partition;
  /** Undefined after the last partition. */
  next?: Position;
}

/** A partition as DuckDB can read it. */
export interface TextRelation {
  /** SQL of a relation with one VARCHAR column per survey column, in record order. */
  sql: string;
  /** Absolute paths of the files that the SQL reads. */
  reads: string[];
  /**
   * Resolves while the query runs: to false if DuckDB may misread the partition without an error; the result of the
   * query is then not used. Rejects when the partition cannot be read.
   */
  trusted: Promise<boolean>;
  /** As of a survey. */
  textColumns?: readonly string[];
}

/** A partition without its broken records, which DuckDB reads correctly. */
export interface RepairedRelation {
  sql: string;
  reads: string[];
  /** Ordinals of the records that were cut out, counted from 0 over all records of the partition; ascending. */
  broken: readonly number[];
}

/** One record with its place. */
export interface SourceRecord {
  /** Counted from 0 within the partition. */
  ordinal: number;
  /** The name to show in messages where it is not the file of the partition: `api page 7`. */
  file?: string;
  /** Physical line where the record starts, 1-based within the file. */
  line: number;
  /** 1-based within the file, header not counted. */
  record: number;
  /** Offset of the record's first byte within the plain text of the file. */
  byteOffset: number;
  /** Texts in the order of the survey's columns, or null when the record is broken. */
  values: readonly (string | null)[] | null;
  /** Why a broken record is broken. */
  reason?: string;
  /** The record as it is in the file, at most `LIMITS.rawCharsMax` characters. */
  raw: string;
}

/** A source with its options. Reading changes nothing, so every call may be repeated. */
export interface OpenSource {
  rules: TextRules;
  /**
   * @param state that the last published run of an incremental source has left
   * @throws FlexetlError SOURCE_MISSING, SOURCE_UNREADABLE
   */
  survey(state?: Position): Promise<SourceSurvey>;
  /** What the next run of an incremental source is given. Called when all partitions are landed; always the same. */
  stateAfter?(survey: SourceSurvey): Promise<Position>;
  /** Deterministic: the same cuts for every attempt. */
  partitions(survey: SourceSurvey, size: PartitionSize): Promise<Partitions>;
  /**
   * Cuts the partition of an index at `from`, and may keep a copy of its text in `context.shared`.
   * Called in order, and only after `partitions` returned a `first`.
   */
  land(survey: SourceSurvey, index: number, from: Position): Promise<Landed>;
  /** Fast lane: a partition for DuckDB. The query may fail on broken records; `repair` is then called. */
  relation(survey: SourceSurvey, partition: Partition): Promise<TextRelation>;
  /** Careful lane: the same without the broken records. */
  repair(survey: SourceSurvey, partition: Partition): Promise<RepairedRelation>;
  /**
   * The records of these ordinals with their places, in order; one pass over the bytes of the partition.
   * @param ordinals ascending; undefined: all records
   */
  records(
    survey: SourceSurvey,
    partition: Partition,
    ordinals?: readonly number[],
  ): AsyncIterable<SourceRecord>;
  /** @throws FlexetlError SOURCE_CHANGED when the file of a partition is not what the survey saw */
  assertUnchanged(survey: SourceSurvey, partition: Partition): Promise<void>;
  /** Removes copies that `land` kept of a partition; called when its part is staged. */
  release(survey: SourceSurvey, partition: Partition): Promise<void>;
}

export interface FileSource<Options> {
  kind: 'files';
  type: string;
  description: string;
  options: z.ZodType<Options>;
  /**
   * Where these options ask for only what is new: those that select the data. A state is kept for the source's type and
   * this selection. Undefined: all data are read every time.
   */
  incremental?(options: Options): object | undefined;
  open(options: Options, context: PluginContext): OpenSource;
}

export type Source<Options> = RecordSource<Options> | FileSource<Options>;

export function defineSource<Options>(source: FileSource<Options>): FileSource<Options>;
export function defineSource<Options>(source: RecordSource<Options>): RecordSource<Options>;
export function defineSource<Options>(source: Source<Options>): Source<Options> {
  return source;
}
