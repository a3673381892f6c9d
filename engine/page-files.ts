/** Files of landed pages: what their receipts hold, and how they are found. */
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { FlexetlError } from '../pipeline/errors';
import type { PluginContext, SharedFiles } from '../plugin/context';
import type { Position, RecordSource } from '../plugin/source';
import type { Memory } from './cursor-state';
import type { PageLines } from './page-lines';

/** Where a page starts; the first one has no position. */
export type PageStart = { page: number; cutBytes: number; position?: Position };

export interface LandedPage {
  /** Made from its position. */
  place: string;
  /** Of its records. */
  hash: string;
  /** No other page has these records. */
  isDistinct: boolean;
  records: number;
  bytes: number;
  /** The records that DuckDB cannot read: their numbers, counted from 0, and why. */
  broken: PageLines['broken'];
}

/** The receipt of a file of consecutive pages. */
export interface LandedFile {
  /** Its first page, counted from 0. */
  page: number;
  pages: readonly LandedPage[];
  /** Where the page after these starts; absent after the last one. */
  next?: Position;
  /** Of an incremental source: what is known after these pages. */
  memory?: Memory;
  /** Name of the file of JSON lines among the shared files. */
  file: string;
  /** Columns of texts that look like numbers or booleans. */
  textColumns: readonly string[];
}

/** The number of the page after these. */
export function endOf({ page, pages }: Pick<LandedFile, 'page' | 'pages'>): number {
  return page + pages.length;
}

export interface Landing<Options> {
  /** Of an incremental one only what is new. */
  source: RecordSource<Options>;
  options: Options;
  context: PluginContext;
  /** Of the files among the shared files. */
  folder: string;
  nullValues: readonly string[];
  /** What is landed; read when first needed. */
  seen?: Promise<Seen>;
}

/** The pages that are landed: one that comes again is an error. */
export interface Seen {
  /** Of the shared files in the folder. */
  names: Set<string>;
  /** Numbers of pages by place and by hash. */
  places: Map<string, number>;
  hashes: Map<string, number>;
}

export function digest(text: string): string {
  return hash('sha256', text, 'hex');
}

/** The part of the position of a page that no other page has. */
export function placeOf<Options>({ source }: Landing<Options>, position: Position | undefined): string {
  if (position === undefined) return 'first';
  return `at-${digest(JSON.stringify(source.place?.(position) ?? position)).slice(0, 32)}`;
}

/** A receipt is found by the place of the first page. */
export function receiptName(folder: string, place: string): string {
  return `${folder}/${place}.json`;
}

export function partitionName(folder: string, firstPage: number): string {
  return `${folder}/partition-${firstPage}.json`;
}

/** The receipt of a place, even where its file is not whole. */
export async function readReceipt(
  shared: SharedFiles,
  folder: string,
  place: string,
): Promise<LandedFile | undefined> {
  const path = await shared.find(receiptName(folder, place));
  return path === undefined ? undefined : (JSON.parse(await readFile(path, 'utf8')) as LandedFile);
}

/** What this process has seen, by the path of the first receipt: each attempt reads only what is new. */
const known = new Map<string, Seen>();
const KNOWN_MAX = 10;

export function seenOf<Options>(landing: Landing<Options>): Promise<Seen> {
  return (landing.seen ??= readSeen(landing.context.shared, landing.folder));
}

async function readSeen(shared: SharedFiles, folder: string): Promise<Seen> {
  const first = await shared.find(receiptName(folder, 'first'));
  const before = known.get(first ?? '');
  const seen = before ?? emptySeen();
  for (const name of await shared.list(`${folder}/`)) {
    if (seen.names.has(name)) continue;
    seen.names.add(name);
    const [, place] = /\/(first|at-[0-9a-f]+)\.json$/.exec(name) ?? [];
    const receipt = place === undefined ? undefined : await readReceipt(shared, folder, place);
    receipt?.pages.forEach((page, index) => addSeen(seen, receipt.page + index, page));
  }
  if (first === undefined || before) return seen;
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(first, seen);
  return seen;
}

export function emptySeen(): Seen {
  return { names: new Set(), places: new Map(), hashes: new Map() };
}

export function addSeen({ places, hashes }: Seen, number: number, page: LandedPage): void {
  if (!places.has(page.place)) places.set(page.place, number);
  if (page.isDistinct && !hashes.has(page.hash)) hashes.set(page.hash, number);
}

export function repeats<Options>({ source }: Landing<Options>, what: string): FlexetlError {
  return new FlexetlError('SOURCE_UNREADABLE', {
    message: `The source ${source.type} repeats itself: ${what}.`,
    hint: 'Check how the source computes the position of the next page.',
  });
}

/** @param which pages, and `is` or `are` */
export function otherPages(which: string): FlexetlError {
  return new FlexetlError('SOURCE_CHANGED', {
    message: `${which} damaged in the staging folder, and the source gives something else now.`,
    hint: 'Check the disk of the staging folder, then start a new run under another key.',
  });
}
