/** The names and receipts of what a load keeps in a folder of files until it is published. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadKey } from '../../plugin/target';

/** Says that a part is complete; written last, under a name that only one attempt can take. */
export interface Receipt {
  part: number;
  rows: number;
  /** Name beside the receipt. */
  file: string;
}

/** The start of the names of everything that a pipeline, a run, a load keeps in the folder until it is published. */
export function ofPipeline({ project, pipeline }: LoadKey): string {
  return `${shortDigest(project, pipeline)}-`;
}

export function ofRun(key: LoadKey): string {
  return `${ofPipeline(key)}${shortDigest(key.runKey)}-`;
}

export function stageOf(key: LoadKey): string {
  return ofRun(key) + shortDigest(key.plan);
}

function shortDigest(...texts: string[]): string {
  return createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 12);
}

export function partName(part: number): string {
  return String(part).padStart(6, '0');
}

export function receiptPath(stage: string, part: number): string {
  return join(stage, `${partName(part)}.json`);
}

export async function readReceipt(path: string): Promise<Receipt | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Receipt);
}

/** In the order of their parts. */
export async function readReceipts(stage: string): Promise<Receipt[]> {
  const names = await readdir(stage).catch(() => []);
  const paths = names.filter((name) => /^\d+\.json$/.test(name)).sort();
  const receipts = await Promise.all(paths.map((name) => readReceipt(join(stage, name))));
  return receipts.filter((receipt) => receipt !== undefined);
}
