/**
 * Opens record sources as if they were file sources. Each page is landed before anything is computed from it: its
 * records become a file of JSON lines, and then a receipt with the position of the next page is written. A page with a
 * receipt is never requested again, by any attempt. A partition is a series of consecutive pages.
 */
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
import { columnsOf, landedRelation, readLandedRecords, repairLanded, sampleOf } from './landed-pages';
import {
  describeWindow,
  planWindow,
  stateAfterPages,
  type CursorState,
  type CursorWindow,
  type Memory,
} from './cursor-state';
import { memoryAfter, onlyNew } from './incremental';
import { landPages } from './land-pages';
import {
  digest,
  endOf,
  otherPages,
  partitionName,
  type LandedFile,
  type LandedPage,
  type Landing,
  type PageStart,
} from './page-files';

/** The files of a partition, the same for all attempts. */
interface LandedPartition {
  files: readonly Omit<LandedFile, 'next' | 'memory'>[];
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
        for await (const file of landPages(landingOf(survey), FIRST, wantAll(survey.columns)))
          memory = memoryAfter(file);
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
        await wholeFiles(landingOf(survey), survey.columns, partition),
        { columns: survey.columns, nullValues },
        shared,
      ),
    repair: async (survey, partition) =>
      repairLanded(
        await wholeFiles(landingOf(survey), survey.columns, partition),
        { columns: survey.columns, nullValues },
        context,
      ),
    async *records(survey, partition, ordinals) {
      const { columns } = survey;
      const files = await wholeFiles(landingOf(survey), columns, partition);
      yield* readLandedRecords(source.type, files, { columns, nullValues }, context, ordinals);
    },
    // Whole landed pages cannot change. They are the only copy, so they are kept until the run ends.
    assertUnchanged: () => Promise.resolve(),
    release: () => Promise.resolve(),
  };
}

const FIRST: PageStart = { page: 0, cutBytes: 0 };

function wantAll(columns: readonly string[]) {
  return { columns, isEnough: () => false };
}

/** Lands pages up to the first one with records, and takes the columns from it. */
async function surveyPages<Options>(landing: Landing<Options>): Promise<SourceSurvey> {
  const { shared } = landing.context;
  const isEnough = (_: number, { records }: LandedPage): boolean => records > 0;
  for await (const file of landPages(landing, FIRST, { isEnough })) {
    const page = file.pages.find(({ records }) => records > 0);
    if (!page) continue;
    const columns = await columnsOf(file, shared);
    const sample = await sampleOf(file, { columns, nullValues: landing.nullValues }, shared);
    return {
      files: [],
      columns,
      sample,
      textColumns: file.textColumns,
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
  return digest(JSON.stringify(inputs)).slice(0, 24);
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

async function landPartition<Options>(
  landing: Landing<Options>,
  { columns }: SourceSurvey,
  index: number,
  from: PageStart,
): Promise<Landed> {
  const { folder, context } = landing;
  // One that is landed again ends where the next one starts: time, which ends partitions too, does not repeat itself.
  const others = new Set(await context.shared.list(`${folder}/partition-`));
  const path = await context.shared.make(partitionName(folder, from.page), async (file) => {
    const startMs = performance.now();
    let bytes = 0;
    let isFull = false;
    const isEnough = (number: number, page: LandedPage): boolean => {
      bytes += page.bytes;
      isFull ||= bytes >= from.cutBytes || performance.now() - startMs > LIMITS.landingMs;
      return (isFull ||= others.has(partitionName(folder, number + 1)));
    };
    const landed: LandedFile[] = [];
    for await (const one of landPages(landing, from, { columns, isEnough })) landed.push(one);
    const last = landed.at(-1);
    // A source that ends after a page with a next one has no more pages.
    const position = isFull ? last?.next : undefined;
    const next = last && position !== undefined ? { ...from, page: endOf(last), position } : undefined;
    const files = landed.map(({ next: _, memory: __, ...one }) => one);
    await writeFile(file, JSON.stringify({ files, ...(next && { next }) } satisfies LandedPartition));
  });
  const { files, next } = JSON.parse(await readFile(path, 'utf8')) as LandedPartition;
  const last = files.at(-1);
  const partition: Partition = { index, file: 0, start: from.page, end: last ? endOf(last) : from.page };
  return next === undefined ? { partition } : { partition, next };
}

/**
 * The files of a landed partition. Pages of those that are damaged or missing are asked for again, by the receipts of
 * the files before them.
 * @throws FlexetlError SOURCE_CHANGED where the source gives other pages now
 */
async function wholeFiles<Options>(
  landing: Landing<Options>,
  columns: readonly string[],
  { index, start, end }: Partition,
): Promise<LandedPartition['files']> {
  const { shared } = landing.context;
  const path = await shared.find(partitionName(landing.folder, start));
  const known = path && (JSON.parse(await readFile(path, 'utf8')) as LandedPartition).files;
  if (known) {
    const paths = await Promise.all(known.map(({ file }) => shared.find(file)));
    if (!paths.includes(undefined)) return known;
  }
  const again: LandedFile[] = [];
  const isEnough = (number: number): boolean => number + 1 === end;
  for await (const file of landPages(landing, FIRST, { columns, isEnough }))
    if (file.page >= start) again.push(file);
  const hashesOf = (files: LandedPartition['files']): string =>
    files.flatMap(({ pages }) => pages.map(({ hash }) => hash)).join();
  const last = again.at(-1);
  if ((last ? endOf(last) : start) === end && (!known || hashesOf(again) === hashesOf(known))) return again;
  throw otherPages(`Pages of partition ${index} of the source ${landing.source.type} are`);
}
