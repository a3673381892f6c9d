/** The names and receipts of what a load keeps in FlexETL's own folder until it is published. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LIMITS } from '../../pipeline/limits';
import type { Schema } from '../../pipeline/types';
import type { LoadKey } from '../../plugin/target';
import { readManifest, type TableFile } from './manifest';
import type { FilePlace } from './place';

/** Says that a part is complete; written last, under a name that only one attempt can take. */
export interface Receipt {
  part: number;
  rows: number;
  columns: Schema;
  files: readonly StagedFile[];
}

export interface StagedFile extends TableFile {
  /** Path in the stage; `path` is its name after publish. */
  staged: string;
}

/** The start of the names of all stages of a pipeline, of a run. */
export function ofPipeline({ project, pipeline }: LoadKey): string {
  return `${shortDigest(project, pipeline)}-`;
}

export function ofRun(key: LoadKey): string {
  return `${ofPipeline(key)}${shortDigest(key.runKey)}-`;
}

/** The folder of a load, and the start of the names of its files. */
export function stageOf(key: LoadKey): string {
  return ofRun(key) + shortDigest(key.plan);
}

const STAGE = /^[0-9a-f]{12}-[0-9a-f]{12}-[0-9a-f]{12}$/;

/** The stage of a file by its name, where it has the name of one of ours. */
export function stageOfFile(name: string): string | undefined {
  const stage = name.slice(0, 38);
  return STAGE.test(stage) && name[38] === '-' ? stage : undefined;
}

function shortDigest(...texts: string[]): string {
  return createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 12);
}

/** Sorts like the number: a part of a load has up to eleven digits. */
export function partName(part: number): string {
  return String(part).padStart(11, '0');
}

export function receiptPath(stage: string, part: number): string {
  return join(stage, `${partName(part)}.json`);
}

export async function readReceipt(path: string): Promise<Receipt | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Receipt);
}

/** In the order of their parts. @param stage absolute */
export async function readReceipts(stage: string): Promise<Receipt[]> {
  const names = await readdir(stage).catch(() => []);
  const paths = names.filter((name) => /^\d+\.json$/.test(name)).sort();
  const receipts = await Promise.all(paths.map((name) => readReceipt(join(stage, name))));
  return receipts.filter((receipt) => receipt !== undefined);
}

/** Names of the stages that are there. */
export async function listStages(own: string): Promise<string[]> {
  return (await readdir(own).catch(() => [])).filter((name) => STAGE.test(name));
}

/** Removes stages with all that a publish that was killed has made visible of them. Published files are left. */
export async function removeStages({ root, own }: FilePlace, stages: readonly string[]): Promise<void> {
  if (stages.length === 0) return;
  const published = new Set((await readManifest(own)).files.map(({ path }) => path));
  for (const stage of stages) {
    for (const { files } of await readReceipts(join(own, stage)))
      for (const { path } of files) if (!published.has(path)) await rm(join(root, path), { force: true });
    await rm(join(own, stage), { recursive: true, force: true });
  }
}

/** Removes what crashed runs have left. */
export async function removeAbandoned(place: FilePlace): Promise<void> {
  for (const stage of await listStages(place.own)) {
    const info = await stat(join(place.own, stage)).catch(() => undefined);
    if (info && Date.now() - info.mtimeMs > LIMITS.stagingKeepMs) await removeStages(place, [stage]);
  }
}
