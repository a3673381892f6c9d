/**
 * Histories as JSON files. Not by `historyToJSON` of the SDK: it needs one protobufjs for all its packages, and npm
 * installs several beside the older one that gRPC asks for.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporal } from '@temporalio/proto';

const { History } = temporal.api.history.v1;
export type History = temporal.api.history.v1.IHistory;

export const HISTORIES = join(__dirname, 'histories');

export function listHistories(): string[] {
  return readdirSync(HISTORIES).filter((file) => file.endsWith('.json'));
}

/** Without what tells of the machine that recorded it. */
export function writeHistory(file: string, history: History): void {
  const plain = History.toObject(History.fromObject(history), {
    longs: String,
    enums: String,
    bytes: String,
  });
  const scrub = (key: string, value: unknown): unknown => {
    if (key === 'stackTrace') return '';
    return key === 'identity' ? 'recorder' : value;
  };
  writeFileSync(join(HISTORIES, file), `${JSON.stringify(plain, scrub, 1)}\n`);
}

export function readHistory(file: string): History {
  return History.fromObject(JSON.parse(readFileSync(join(HISTORIES, file), 'utf8')) as object);
}
