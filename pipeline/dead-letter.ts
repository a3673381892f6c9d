/** Dead letters: records that failed, kept aside with all that it takes to correct them and to read them again. */
import type { EvidenceEntries } from './schema';

/** A rule that a record fails. */
export interface LetterFailure {
  column: string | null;
  rule: string;
  reason: string;
  /** The offending text, shortened and masked as in reports. */
  value: string | null;
}

/** A record with all its failures, as a line of its queue has it. */
export interface DeadLetter {
  /** Its number within the queue, 1-based, in the order of the source. */
  letter: number;
  /** The file or page, as messages show it. */
  file: string;
  /** Physical line where the record starts, 1-based. */
  line: number;
  byte_offset: number;
  /** 1-based within the file, header not counted. */
  record: number;
  failures: readonly LetterFailure[];
  /** The texts of the record by column, null for a null. Null where the record is broken and has no columns. */
  data: LetterData | null;
  /** The record as it is in the source, shortened and masked as in reports. */
  raw: string;
  /** The step that it has failed in. */
  stage: 'extract';
  pipeline: string;
  run_key: string;
  config_digest: string;
  place: LetterPlace;
}

export type LetterData = Readonly<Record<string, string | null>>;

/** Where a record belongs among the staged rows of its run. */
export interface LetterPlace {
  part: number;
  /** Number of its row in the part, from 0. */
  row: number;
  /** The record was broken: it has no row, and stands before the one of this number. */
  broken?: true;
}

/** A letter as extract writes it: the rest is the same for the whole run. */
export type StagedLetter = Omit<DeadLetter, 'letter' | 'pipeline' | 'run_key' | 'config_digest'>;

/** What a queue is about. */
export interface QueueHead {
  version: 1;
  pipeline: string;
  run_key: string;
  /** Digest of the rows that the run was asked for: its load is known by it. */
  content: string;
  config_digest: string;
  /** ISO 8601, UTC. */
  created_at: string;
  /** Records that the run has read. */
  read: number;
  records: number;
  by_rule: ByRule;
  /** Of the source, in order. */
  columns: readonly string[];
  /** What the run has found of their types. */
  evidence: EvidenceEntries;
  /** The good rows of the run, where a replay needs them: see `engine/dead-letters/mode.ts`. */
  kept?: KeptParts;
}

/** Number of failures by their rule. */
export type ByRule = Readonly<Record<string, number>>;

export interface KeptParts {
  /** Names of the staged columns, in order. */
  columns: readonly string[];
  /** Digest of the transforms, which groups are made for; absent where no part has groups. */
  transforms?: string;
  parts: readonly KeptPart[];
}

/** A staged part in the folder `parts` of the queue. */
export interface KeptPart {
  kind: 'rows' | 'groups';
  /** Good rows. */
  rows: number;
  rejected: number;
  types: readonly string[];
  bytes: number;
  /** CRC-32. */
  crc: number;
}

/** The letters that a replay reads instead of its source. */
export interface LettersUse extends Omit<ReplayRef, 'overNewer'> {
  /** See `engine/dead-letters/mode.ts`. */
  mode: 'rows' | 'whole';
}

/** The replay that a run is. */
export interface ReplayRef {
  /** Folder of the queue, relative to the project. */
  queue: string;
  /** 1 for the first replay of the queue. */
  number: number;
  /** Load although a newer run has loaded the pipeline since. */
  overNewer?: boolean;
}
