/**
 * Opens record sources as if they were file sources. Each page is landed before anything is computed from it: its
 * records become a file of JSON lines, and then a receipt with the position of the next page is written. A page with a
 * receipt is never requested again, by any attempt. A partition is a series of consecutive pages.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import type { PluginContext } from '../plugin/context';
import type {
  Landed,
  OpenSource,
  Page,
  Partition,
  Position,
  RecordSource,
  Source,
  SourceSurvey,
} from '../plugin/source';
import {
  columnsOf,
  landedRelation,
  readLandedRecords,
  repairLanded,
  sampleOf,
  type LandedPage,
} from './landed-pages';
import { toLines } from './page-lines';

/** The pages of a partition, the same for all attempts. */
interface LandedPartition {
  pages: readonly LandedPage[];
  next?: PageStart;
}

/** Where a page starts; the first one has no position. */
type PageStart = { page: number; cutBytes: number; position?: Position };

interface Landing<Options> {
  source: RecordSource<Options>;
  options: Options;
  context: PluginContext;
  /** Of the pages among the shared files. */
  folder: string;
  nullValues: readonly string[];
  /** Numbers of landed pages by the hash of their records; read when first needed. */
  pageNames?: Map<string, number>;
}

/** Opens a source of either form with its options. */
export function openSource<Options>(
  source: Source<Options>,
  options: Options,
  context: PluginContext,
): OpenSource {
  if (source.kind === 'files') return source.open(options, context);
  const nullValues = source.nullValues?.(options) ?? [''];
  const folder = pagesFolder(source, options);
  const landing: Landing<Options> = { source, options, context, folder, nullValues };
  return {
    rules: { decimal_separator: '.' },
    survey: () => surveyPages(landing),
    partitions: ({ columns }, { cutBytes }) => {
      const first: PageStart = { page: 0, cutBytes };
      return Promise.resolve(columns.length === 0 ? { known: [] } : { first });
    },
    land: (survey, index, from) => landPartition(landing, survey, index, from as PageStart),
    relation: async ({ columns }, partition) =>
      landedRelation(await wholePages(landing, columns, partition), { columns, nullValues }, context.shared),
    repair: async ({ columns }, partition) =>
      repairLanded(await wholePages(landing, columns, partition), { columns, nullValues }, context),
    async *records({ columns }, partition, ordinals) {
      const pages = await wholePages(landing, columns, partition);
      yield* readLandedRecords(source.type, pages, { columns, nullValues }, context, ordinals);
    },
    // Whole landed pages cannot change. They are the only copy, so they are kept until the run ends.
    assertUnchanged: () => Promise.resolve(),
    release: () => Promise.resolve(),
  };
}

/** Lands pages up to the first one with records, and takes the columns from it. */
async function surveyPages<Options>(landing: Landing<Options>): Promise<SourceSurvey> {
  const { shared } = landing.context;
  for await (const page of landPages(landing, { page: 0, cutBytes: 0 })) {
    if (page.records === 0) continue;
    const columns = await columnsOf(page, shared);
    const sample = await sampleOf(page, { columns, nullValues: landing.nullValues }, shared);
    return {
      files: [],
      columns,
      sample,
      textColumns: page.textColumns,
      recordBytes: page.bytes / page.records,
      detected: null,
    };
  }
  return { files: [], columns: [], sample: [], recordBytes: 0, detected: null };
}

/**
 * The folder of the pages among the shared files: other options can give other pages. The options hold the names of
 * secrets, not their values.
 */
function pagesFolder<Options>({ type }: RecordSource<Options>, options: Options): string {
  const inputs = JSON.stringify([type, options]);
  return `pages/${createHash('sha256').update(inputs).digest('hex').slice(0, 24)}`;
}

const partitionName = (folder: string, firstPage: number): string => `${folder}/partition-${firstPage}.json`;

async function landPartition<Options>(
  landing: Landing<Options>,
  { columns }: SourceSurvey,
  index: number,
  from: PageStart,
): Promise<Landed> {
  const { shared } = landing.context;
  const { folder } = landing;
  // One that is landed again ends where the next one starts: time, which ends partitions too, does not repeat itself.
  const others = new Set(await shared.list(`${folder}/partition-`));
  const path = await shared.make(partitionName(folder, from.page), async (file) => {
    const pages: LandedPage[] = [];
    let next: PageStart | undefined;
    let bytes = 0;
    const startMs = performance.now();
    for await (const page of landPages(landing, from, columns)) {
      pages.push(page);
      bytes += page.bytes;
      next = page.next === undefined ? undefined : { ...from, page: page.page + 1, position: page.next };
      if (bytes >= from.cutBytes || performance.now() - startMs > LIMITS.landingMs) break;
      if (others.has(partitionName(folder, page.page + 1))) break;
      // A source that ends after a page with a next one has no more pages.
      next = undefined;
    }
    await writeFile(file, JSON.stringify({ pages, ...(next && { next }) } satisfies LandedPartition));
  });
  const { pages, next } = JSON.parse(await readFile(path, 'utf8')) as LandedPartition;
  const partition: Partition = { index, file: 0, start: from.page, end: from.page + pages.length };
  return next === undefined ? { partition } : { partition, next };
}

/**
 * The pages of a landed partition. Those that are damaged or missing are asked for again, by the receipts of the pages
 * before them.
 * @throws FlexetlError SOURCE_CHANGED where the source gives other pages now
 */
async function wholePages<Options>(
  landing: Landing<Options>,
  columns: readonly string[],
  { index, start, end }: Partition,
): Promise<readonly LandedPage[]> {
  const { shared } = landing.context;
  const path = await shared.find(partitionName(landing.folder, start));
  const known = path && (JSON.parse(await readFile(path, 'utf8')) as LandedPartition).pages;
  if (known) {
    const paths = await Promise.all(known.map(({ file }) => shared.find(file)));
    if (!paths.includes(undefined)) return known;
  }
  const again: LandedPage[] = [];
  for await (const page of landPages(landing, { page: 0, cutBytes: 0 }, columns)) {
    if (page.page >= start) again.push(page);
    if (page.page + 1 === end) break;
  }
  const same = again.every(({ file }, at) => !known || file === known[at]?.file);
  if (again.length === end - start && same) return again;
  throw otherPages(`Pages of partition ${index} of the source ${landing.source.type} are`);
}

/** @param which pages, and `is` or `are` */
function otherPages(which: string): FlexetlError {
  return new FlexetlError('SOURCE_CHANGED', {
    message: `${which} damaged in the staging folder, and the source gives something else now.`,
    hint: 'Check the disk of the staging folder, then start a new run under another key.',
  });
}

/**
 * The receipts of all pages from a start on: first those of landed pages, then those of pages that the source yields.
 * @param columns those of the first page; another column is an error
 */
async function* landPages<Options>(
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
  page: Page,
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
