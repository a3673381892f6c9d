/**
 * Opens record sources as if they were file sources. Each page is landed before anything is computed from it: its
 * records become a file of JSON lines, and then a receipt with the position of the next page is written. A page with a
 * receipt is never requested again, by any attempt. A partition is a series of consecutive pages.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { LIMITS } from '../pipeline/limits';
import type { PluginContext, SharedFiles } from '../plugin/context';
import type { CursorOptions } from '../plugin/incremental';
import type {
  Landed,
  OpenSource,
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
import {
  describeWindow,
  planWindow,
  stateAfterPages,
  type CursorState,
  type CursorWindow,
  type Memory,
} from './cursor-state';
import { memoryAfter, onlyNew } from './incremental';
import { landPages, otherPages, type Landing, type PageStart } from './land-pages';

/** The pages of a partition, the same for all attempts. */
interface LandedPartition {
  pages: readonly LandedPage[];
  next?: PageStart;
}

/** Opens a source of either form with its options. */
export function openSource<Options>(
  source: Source<Options>,
  options: Options,
  context: PluginContext,
): OpenSource {
  if (source.kind === 'files') return source.open(options, context);
  const { shared } = context;
  const cursor = source.cursor?.(options);
  const nullValues = source.nullValues?.(options) ?? [''];
  const openWindow = (window: CursorWindow | null): Landing<Options> => {
    const folder = pagesFolder(source, options, window);
    const read = cursor && window ? onlyNew(source, cursor, window) : source;
    return { source: read, options, context, folder, nullValues };
  };
  const landing = openWindow(null);
  // The window is in the survey: every call is about the same pages.
  const landingOf = ({ detected }: SourceSurvey): Landing<Options> =>
    cursor ? openWindow(detected as CursorWindow) : landing;
  return {
    rules: { decimal_separator: '.' },
    async survey(state) {
      if (!cursor) return surveyPages(landing);
      const window = await fixWindow(source, options, cursor, state as CursorState | undefined, shared);
      const survey = await surveyPages(openWindow(window));
      const scope = describeWindow(cursor, window);
      return { ...survey, detected: window, scope, nothingNew: survey.columns.length === 0 };
    },
    ...(cursor && {
      async stateAfter(survey: SourceSurvey): Promise<Position> {
        let memory: Memory | undefined;
        for await (const page of landPages(landingOf(survey), { page: 0, cutBytes: 0 }, survey.columns))
          memory = memoryAfter(page);
        return stateAfterPages(cursor, survey.detected as CursorWindow, memory);
      },
    }),
    partitions: ({ columns }, { cutBytes }) => {
      const first: PageStart = { page: 0, cutBytes };
      return Promise.resolve(columns.length === 0 ? { known: [] } : { first });
    },
    land: (survey, index, from) => landPartition(landingOf(survey), survey, index, from as PageStart),
    relation: async (survey, partition) =>
      landedRelation(
        await wholePages(landingOf(survey), survey.columns, partition),
        { columns: survey.columns, nullValues },
        shared,
      ),
    repair: async (survey, partition) =>
      repairLanded(
        await wholePages(landingOf(survey), survey.columns, partition),
        { columns: survey.columns, nullValues },
        context,
      ),
    async *records(survey, partition, ordinals) {
      const { columns } = survey;
      const pages = await wholePages(landingOf(survey), columns, partition);
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
function pagesFolder<Options>(
  { type }: RecordSource<Options>,
  options: Options,
  window: CursorWindow | null,
): string {
  return `pages/${digestInputs(type, options, window)}`;
}

function digestInputs(...inputs: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 24);
}

/** What a run reads: decided before its first request, and then the same for all its attempts. */
async function fixWindow<Options>(
  { type }: RecordSource<Options>,
  options: Options,
  cursor: CursorOptions,
  state: CursorState | undefined,
  shared: SharedFiles,
): Promise<CursorWindow> {
  const name = `windows/${digestInputs(type, options, state ?? null)}.json`;
  const path = await shared.make(name, (file) =>
    writeFile(file, JSON.stringify(planWindow(cursor, state, Date.now()))),
  );
  return JSON.parse(await readFile(path, 'utf8')) as CursorWindow;
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
