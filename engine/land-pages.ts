/** Lands the pages of a record source: each becomes a file of JSON lines, and then a receipt. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { FlexetlError } from '../pipeline/errors';
import type { PluginContext } from '../plugin/context';
import type { Position, RecordSource } from '../plugin/source';
import type { CursorPage } from './incremental';
import type { LandedPage } from './landed-pages';
import { toLines } from './page-lines';

/** Where a page starts; the first one has no position. */
export type PageStart = { page: number; cutBytes: number; position?: Position };

export interface Landing<Options> {
  /** Of an incremental one only what is new. */
  source: RecordSource<Options>;
  options: Options;
  context: PluginContext;
  /** Of the pages among the shared files. */
  folder: string;
  nullValues: readonly string[];
  /** Numbers of landed pages by the hash of their records; read when first needed. */
  pageNames?: Map<string, number>;
}

/**
 * The receipts of all pages from a start on: first those of landed pages, then those of pages that the source yields.
 * @param columns those of the first page; another column is an error
 */
export async function* landPages<Options>(
  landing: Landing<Options>,
  start: PageStart,
  columns?: readonly string[],
): AsyncGenerator<LandedPage> {
  const { source, options, context } = landing;
  let at: PageStart | undefined = start;
  const after = ({ page, next }: LandedPage): PageStart | undefined =>
    next === undefined ? undefined : { ...start, page: page + 1, position: next };
  while (at) {
    const landed = await findReceipt(landing, at);
    if (landed) {
      yield landed;
      at = after(landed);
      continue;
    }
    let asked = 0;
    for await (const page of source.read(options, context, at.position)) {
      context.signal.throwIfAborted();
      asked++;
      const receipt = await landPage(landing, at, page, columns);
      yield receipt;
      at = after(receipt);
      // If another attempt landed this page first, with another next position, or the next page, its receipts are used.
      if (!at || JSON.stringify(receipt.next) !== JSON.stringify(page.next)) break;
      if (await findReceipt(landing, at)) break;
    }
    if (asked === 0) return;
  }
}

/** The name of a receipt is made from the position of its page, so a repeated position is detected. */
function receiptName<Options>({ source, folder }: Landing<Options>, { position }: PageStart): string {
  if (position === undefined) return `${folder}/first.json`;
  const place = source.place?.(position) ?? position;
  const hash = createHash('sha256').update(JSON.stringify(place)).digest('hex');
  return `${folder}/at-${hash.slice(0, 32)}.json`;
}

/**
 * The names of page files begin with their numbers and have the hash of their records.
 * @throws FlexetlError SOURCE_UNREADABLE for records that another page has
 */
async function assertNew<Options>(
  landing: Landing<Options>,
  { page }: PageStart,
  hash: string,
): Promise<void> {
  const names = (landing.pageNames ??= new Map(
    (await landing.context.shared.list(`${landing.folder}/`)).flatMap((name) => {
      const [, number, of] = PAGE_NAME.exec(name) ?? [];
      return of === undefined ? [] : [[of, Number(number)] as const];
    }),
  ));
  const before = names.get(hash) ?? page;
  names.set(hash, before);
  if (before === page) return;
  throw repeats(landing, `page ${page + 1} has the same records as page ${before + 1}`);
}

const PAGE_NAME = /\/(\d{6,})-([0-9a-f]{12})\.ndjson$/;

function repeats<Options>({ source }: Landing<Options>, what: string): FlexetlError {
  return new FlexetlError('SOURCE_UNREADABLE', {
    message: `The source ${source.type} repeats itself: ${what}.`,
    hint: 'Check how the source computes the position of the next page.',
  });
}

/**
 * The receipt of a page whose file is whole.
 * @throws FlexetlError SOURCE_UNREADABLE for a position that repeats
 */
async function findReceipt<Options>(
  landing: Landing<Options>,
  start: PageStart,
): Promise<LandedPage | undefined> {
  const { context } = landing;
  const path = await context.shared.find(receiptName(landing, start));
  if (path === undefined) return undefined;
  const receipt = JSON.parse(await readFile(path, 'utf8')) as LandedPage;
  if (receipt.page === start.page) {
    const isWhole = (await context.shared.find(receipt.file)) !== undefined;
    return isWhole ? receipt : undefined;
  }
  throw repeats(landing, `page ${start.page + 1} has the same position as page ${receipt.page + 1}`);
}

async function landPage<Options>(
  landing: Landing<Options>,
  start: PageStart,
  page: CursorPage,
  columns: readonly string[] | undefined,
): Promise<LandedPage> {
  const { source, context, folder } = landing;
  const { text, ...found } = toLines(page.records, `${source.type} page ${start.page + 1}`, columns);
  const hash = createHash('sha256')
    .update(page.distinct ?? '')
    .update(text)
    .digest('hex')
    .slice(0, 12);
  if (page.distinct !== undefined && text !== '') await assertNew(landing, start, hash);
  const file = `${folder}/${String(start.page).padStart(6, '0')}-${hash}.ndjson`;
  await context.shared.make(file, (path) => writeFile(path, text));
  const receipt: LandedPage = {
    page: start.page,
    ...(page.next !== undefined && { next: page.next }),
    ...(page.memory && { memory: page.memory }),
    file,
    records: page.records.length,
    bytes: Buffer.byteLength(text),
    ...found,
  };
  await context.shared.make(receiptName(landing, start), (path) => writeFile(path, JSON.stringify(receipt)));
  // The receipt that is kept may be of a file that is damaged.
  const kept = await findReceipt(landing, start);
  if (kept) return kept;
  throw otherPages(`Page ${start.page + 1} of the source ${source.type} is`);
}

/** @param which pages, and `is` or `are` */
export function otherPages(which: string): FlexetlError {
  return new FlexetlError('SOURCE_CHANGED', {
    message: `${which} damaged in the staging folder, and the source gives something else now.`,
    hint: 'Check the disk of the staging folder, then start a new run under another key.',
  });
}
