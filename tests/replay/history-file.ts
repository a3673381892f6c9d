/**
 * Histories as JSON files, one event per line, named `<scenario>.<version of FlexETL>.json`. Not by `historyToJSON` of the SDK: it needs one protobufjs for all its packages, and npm
 * installs several beside the older one that gRPC asks for.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporal } from '@temporalio/proto';

const ROOT = join(__dirname, '..', '..');
const { History } = temporal.api.history.v1;
export type History = temporal.api.history.v1.IHistory;

/** The version whose histories are recorded now. */
export const VERSION = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string })
  .version;

export const HISTORIES = join(__dirname, 'histories');

export function listHistories(): string[] {
  return readdirSync(HISTORIES).filter((file) => file.endsWith('.json'));
}

/** `cancelled` of `cancelled.0.2.0.json`. */
export function scenarioOf(file: string): string {
  return file.slice(0, file.indexOf('.'));
}

/** Without what tells of the machine that recorded it. */
export function writeHistory(scenario: string, history: History): void {
  const plain = History.toObject(History.fromObject(history), {
    longs: String,
    enums: String,
    bytes: String,
  });
  const scrub = (key: string, value: unknown): unknown => {
    if (key === 'stackTrace') return '';
    return key === 'identity' ? 'recorder' : value;
  };
  const lines = (plain['events'] as object[]).map((event) => JSON.stringify(event, scrub));
  const text = `{"events":[\n${lines.join(',\n')}\n]}\n`;
  writeFileSync(join(HISTORIES, `${scenario}.${VERSION}.json`), text);
}

export function readHistory(file: string): History {
  return History.fromObject(JSON.parse(readFileSync(join(HISTORIES, file), 'utf8')) as object);
}
