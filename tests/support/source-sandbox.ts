/** A folder in which sources are tried, and the ways to read one: DuckDB in both lanes, and record by record. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ident } from '../../pipeline/sql';
import type { PluginContext } from '../../plugin/context';
import type { OpenSource, Partition, SourceRecord, SourceSurvey } from '../../plugin/source';
import type { Duckdb } from '../../runtime/duckdb';
import { createSharedFiles } from '../../runtime/staging/shared-files';
import { makeFolder } from './folder';

export type Values = (string | null)[];

/** A project folder with everything a source may use. */
export interface Sandbox {
  dir: string;
  context: PluginContext;
  /** Writes a file of the project and gives its path relative to it. */
  write(name: string, bytes: string | Uint8Array): string;
  /** The same project in a run of its own, so that nothing is remembered from the run before. */
  freshRun(): Sandbox;
}

export function openSandbox(dir = makeFolder(), run = { number: 0 }): Sandbox {
  const runDir = join(dir, `.run-${run.number++}`);
  const scratchDir = join(runDir, 'scratch');
  mkdirSync(scratchDir, { recursive: true });
  const quiet = (): void => undefined;
  return {
    dir,
    context: {
      projectDir: dir,
      scratchDir,
      shared: createSharedFiles(join(runDir, 'shared')),
      signal: new AbortController().signal,
      log: { debug: quiet, info: quiet, warn: quiet },
      progress: quiet,
      secret: (name) => Promise.reject(new Error(`There is no secret ${name}.`)),
      turn: () => Promise.resolve(),
    },
    write(name, bytes) {
      const path = join(dir, name);
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, bytes);
      return name;
    },
    freshRun: () => openSandbox(dir, run),
  };
}

export interface Landing {
  survey: SourceSurvey;
  partitions: Partition[];
}

/** Looks at a source and cuts all of it. */
export async function landAll(source: OpenSource, partitionBytes: number): Promise<Landing> {
  const survey = await source.survey();
  const found = await source.partitions(survey, { wholeBytesMax: partitionBytes, cutBytes: partitionBytes });
  if ('known' in found) return { survey, partitions: [...found.known] };
  const partitions: Partition[] = [];
  for (let from = found.first; ;) {
    const { partition, next } = await source.land(survey, partitions.length, from);
    partitions.push(partition);
    if (next === undefined) return { survey, partitions };
    from = next;
  }
}

/** All rows of a partition by DuckDB, or undefined where it refuses or is not to be trusted. */
export async function readFast(
  db: Duckdb,
  source: OpenSource,
  survey: SourceSurvey,
  partition: Partition,
): Promise<Values[] | undefined> {
  const { sql, trusted } = await source.relation(survey, partition);
  if (!(await trusted)) return undefined;
  return readRows(db, survey, sql).catch(() => undefined);
}

/** The good rows of a partition by DuckDB, and the ordinals of the broken ones. */
export async function readRepaired(
  db: Duckdb,
  source: OpenSource,
  survey: SourceSurvey,
  partition: Partition,
): Promise<{ rows: Values[]; broken: readonly number[] }> {
  const { sql, broken } = await source.repair(survey, partition);
  return { rows: await readRows(db, survey, sql), broken };
}

export async function readRecords(
  source: OpenSource,
  survey: SourceSurvey,
  partitions: readonly Partition[],
): Promise<SourceRecord[]> {
  const records: SourceRecord[] = [];
  for (const partition of partitions) {
    for await (const record of source.records(survey, partition)) records.push(record);
  }
  return records;
}

async function readRows(db: Duckdb, { columns }: SourceSurvey, sql: string): Promise<Values[]> {
  // As bytes: the client drops a BOM at the start of a text that it decodes.
  const bytes = columns.map((name) => `encode(${ident(name)})`).join(', ');
  const reader = await db.connection.runAndReadAll(`SELECT ${bytes} FROM ${sql}`);
  const decode = (value: unknown): string | null =>
    value === null ? null : Buffer.from(value as Uint8Array).toString('utf8');
  return reader.getRowsJS().map((row) => row.map(decode));
}
