/**
 * The closed list of what can go wrong, and the one error class that crosses module boundaries.
 *
 * `exit` is the exit code of the command line (2 bad config or usage, 1 a check or the row balance failed, 3 the
 * run failed); `retryable` says whether another attempt can help. Messages say where, what was found and
 * what was expected; the hint says what to do. Neither contains a value of a row.
 */
export const ERROR_CODES = {
  CONFIG_INVALID: { exit: 2, retryable: false },
  USAGE: { exit: 2, retryable: false },
  EXPRESSION_INVALID: { exit: 2, retryable: false },
  PLUGIN_UNKNOWN: { exit: 2, retryable: false },
  PLUGIN_FAILED: { exit: 3, retryable: true },
  SECRET_MISSING: { exit: 2, retryable: false },
  SERVER_UNREACHABLE: { exit: 3, retryable: false },
  SERVER_REFUSED: { exit: 3, retryable: false },
  SERVER_BINARY_MISSING: { exit: 3, retryable: false },
  SERVER_PORT_TAKEN: { exit: 3, retryable: false },
  SOURCE_MISSING: { exit: 3, retryable: false },
  SOURCE_UNREADABLE: { exit: 3, retryable: false },
  SOURCE_UNREACHABLE: { exit: 3, retryable: true },
  SOURCE_BUSY: { exit: 3, retryable: true },
  ADDRESS_REFUSED: { exit: 2, retryable: false },
  SOURCE_CHANGED: { exit: 3, retryable: false },
  SCHEMA_MISMATCH: { exit: 2, retryable: false },
  RECORDS_REJECTED: { exit: 1, retryable: false },
  CHECK_FAILED: { exit: 1, retryable: false },
  VALUE_OVERFLOW: { exit: 3, retryable: false },
  CAST_FAILED: { exit: 3, retryable: false },
  DIVISION_BY_ZERO: { exit: 3, retryable: false },
  TARGET_INVALID: { exit: 3, retryable: false },
  TARGET_INCOMPATIBLE: { exit: 3, retryable: false },
  TARGET_BUSY: { exit: 3, retryable: true },
  KEY_REUSED: { exit: 2, retryable: false },
  STATES_DIFFER: { exit: 3, retryable: false },
  TARGET_UNREACHABLE: { exit: 3, retryable: true },
  KEY_INVALID: { exit: 1, retryable: false },
  ROWS_UNBALANCED: { exit: 1, retryable: false },
  STAGING_MISSING: { exit: 3, retryable: true },
  STAGING_DAMAGED: { exit: 3, retryable: false },
  PATH_UNWRITABLE: { exit: 3, retryable: false },
  DISK_FULL: { exit: 3, retryable: true },
  PAYLOAD_TOO_LARGE: { exit: 3, retryable: false },
  RUN_IN_PROGRESS: { exit: 3, retryable: false },
  WRONG_WORKER: { exit: 3, retryable: false },
  RUN_TERMINATED: { exit: 3, retryable: false },
  BUILD_MISMATCH: { exit: 3, retryable: false },
  RETRY_REFUSED: { exit: 3, retryable: false },
  REPLAY_REFUSED: { exit: 3, retryable: false },
  RUN_NOT_FOUND: { exit: 2, retryable: false },
  CANCELLED: { exit: 130, retryable: false },
  TRANSIENT: { exit: 3, retryable: true },
  INTERNAL: { exit: 3, retryable: true },
} as const satisfies Record<string, { exit: number; retryable: boolean }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The place of a rejected record in a source. `value` is the offending text, at most 80 characters. */
export interface Place {
  file: string;
  /** Physical line, 1-based, counting line breaks inside quoted fields. */
  line: number;
  /** Record number within the file, 1-based, header not counted. */
  record: number;
  column: string | null;
  value: string | null;
  reason: string;
}

export interface ErrorParts {
  message: string;
  /** One line: what to do. */
  hint?: string | undefined;
  places?: readonly Place[];
  /** The number of the record, as rows have it between the steps. */
  record?: number | undefined;
  /** Whether another attempt can help, where the code alone does not say it. */
  retryable?: boolean;
  cause?: unknown;
}

/** FlexETL's only error class; `code` comes from {@link ERROR_CODES}. */
export class FlexetlError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly places: readonly Place[];
  readonly record: number | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'FlexetlError';
    this.code = code;
    this.hint = parts.hint;
    this.places = parts.places ?? [];
    this.record = parts.record;
    const { cause, retryable } = parts;
    const isSame = cause instanceof FlexetlError && cause.code === code;
    this.retryable = retryable ?? (isSame ? cause.retryable : ERROR_CODES[code].retryable);
  }
}

/** The codes that no retry can help. */
export const NON_RETRYABLE_CODES: readonly string[] = (Object.keys(ERROR_CODES) as ErrorCode[]).filter(
  (code) => !ERROR_CODES[code].retryable,
);

/** What a run waits for, up to `fault_tolerance.busy_timeout_seconds`: it comes back by itself. */
export const WAITING_CODES: ReadonlyMap<string, string> = new Map<ErrorCode, string>([
  ['SOURCE_BUSY', 'the source'],
  ['TARGET_BUSY', 'the target'],
  ['TARGET_UNREACHABLE', 'the target'],
  ['DISK_FULL', 'disk space'],
  ['PATH_UNWRITABLE', 'a writable folder'],
]);

/** What a step that failed with a code waits for; undefined where the code is an end, or a failure like others. */
export function awaitedBy(step: string, code: string): string | undefined {
  // What comes after publish must not hold up the end of the run.
  if (step === 'finish' || step === 'abort') return undefined;
  // A folder that cannot be written when a run starts is a mistake; later it is a disk that is away for a while.
  if (step === 'prepare' && code === 'PATH_UNWRITABLE') return undefined;
  return WAITING_CODES.get(code);
}

/** The message of anything that was thrown, also of errors from another realm. */
export function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}
