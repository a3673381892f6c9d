/** The log: lines for people on the console, and the same as JSON or text in a file that is rotated daily. */
import { accessSync, constants, createWriteStream } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Writable } from 'node:stream';
import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import { createStream } from 'rotating-file-stream';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { makeFolders } from './folders';

export type { Logger };

export interface LogOptions {
  level: 'debug' | 'info' | 'warn' | 'error';
  format: 'text' | 'json';
  /** Absolute path; undefined: no file. */
  file?: string;
  rotation: 'daily' | 'none';
  /** Where lines for people go; undefined: nowhere. */
  console?: Writable;
  /** The minimum level on the console; the file has all of `level`. */
  consoleLevel?: 'debug' | 'info' | 'warn' | 'error';
  /** Show stacks and fields on the console too; the file always has them. */
  consoleDetails?: boolean;
}

const READABLE = { colorize: false, ignore: 'pid,hostname', sync: true } as const;

/**
 * @throws FlexetlError PATH_UNWRITABLE when the folder of the log file cannot be written
 */
export function createLog(options: LogOptions): Logger {
  const streams: pino.StreamEntry[] = [];
  if (options.console) {
    const stream = pretty({
      ...READABLE,
      translateTime: 'SYS:HH:MM:ss',
      hideObject: options.consoleDetails !== true,
      destination: options.console,
    });
    streams.push({ level: options.consoleLevel ?? options.level, stream });
  }
  const file = options.file === undefined ? undefined : openLogFile(options.file, options);
  if (file) streams.push({ level: options.level, stream: file.lines });
  const log = pino({ level: options.level, base: null }, pino.multistream(streams));
  if (file) files.set(log, file.raw);
  return log;
}

/** The open files, by their logs. */
const files = new WeakMap<Logger, Writable>();

/** Writes what is left to the file of a log, and closes it: it is no longer rotated. Later lines are lost. */
export async function closeLog(log: Logger): Promise<void> {
  const file = files.get(log);
  if (!file || file.closed) return;
  await new Promise((resolve) => file.once('close', resolve).end());
}

/** @returns where lines are written to, and the file itself */
function openLogFile(file: string, options: LogOptions): { lines: Writable; raw: Writable } {
  try {
    makeFolders(dirname(file));
    accessSync(dirname(file), constants.W_OK);
    const raw: Writable =
      options.rotation !== 'none'
        ? createStream(basename(file), {
            path: dirname(file),
            interval: '1d',
            intervalBoundary: true,
            initialRotation: true,
            maxFiles: LIMITS.logFilesMax,
          })
        : createWriteStream(file, { flags: 'a' });
    // A full disk must not end a run because of a log line.
    raw.on('error', () => undefined);
    const translateTime = 'SYS:yyyy-mm-dd HH:MM:ss.l';
    const lines = options.format === 'json' ? raw : pretty({ ...READABLE, translateTime, destination: raw });
    return { lines, raw };
  } catch (error) {
    throw new FlexetlError('PATH_UNWRITABLE', {
      message: `The log file ${file} cannot be written: ${messageOf(error)}.`,
      hint: 'Make its folder writable, or change monitoring.logging.output.',
      cause: error,
    });
  }
}
