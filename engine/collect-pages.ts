/** Collects the pages that a record source yields, until they are worth a file. */
import { LIMITS } from '../pipeline/limits';
import type { CursorPage } from './incremental';
import {
  addSeen,
  digest,
  emptySeen,
  partitionName,
  placeOf,
  receiptName,
  repeats,
  seenOf,
  type LandedFile,
  type LandedPage,
  type Landing,
  type PageStart,
} from './page-files';
import { toLines } from './page-lines';

/** Consecutive pages, as they are written to a file. */
export interface PagesFile extends Omit<LandedFile, 'page' | 'file'> {
  texts: readonly string[];
  /** No page is asked for after these. */
  isLast: boolean;
}

export interface LandHow {
  /** Those of the first page; another column is an error. */
  columns?: readonly string[];
  /** Whether no page is wanted after this one. */
  isEnough(number: number, page: LandedPage): boolean;
}

const DUE = Symbol('due');

/**
 * The pages from a start on. A file is due after `LIMITS.pagesFileMs`, also while the next page is waited for. What
 * fails is thrown after the pages before it were yielded.
 */
export async function* collectPages<Options>(
  landing: Landing<Options>,
  start: PageStart,
  how: LandHow,
): AsyncGenerator<PagesFile> {
  const { source, options, context } = landing;
  const take = await createTaker(landing, start, how);
  const pages = source.read(options, context, start.position)[Symbol.asyncIterator]();
  let isLast = false;
  let failure: { error: unknown } | undefined;
  let asked: Promise<IteratorResult<CursorPage>> | undefined;
  try {
    while (!isLast && !failure) {
      const taken: Taken[] = [];
      let bytes = 0;
      const timer = createTimer(LIMITS.pagesFileMs);
      try {
        while (!isLast && bytes < LIMITS.pagesFileBytes && !timer.isOver()) {
          asked ??= pages.next();
          const found = taken.length === 0 ? await asked : await Promise.race([asked, timer.due]);
          if (found === DUE) break;
          asked = undefined;
          context.signal.throwIfAborted();
          if (taken.length === 0) timer.start();
          isLast = found.done === true || take(found.value, taken);
          bytes += taken.at(-1)?.page.bytes ?? 0;
        }
      } catch (error) {
        failure = { error };
      } finally {
        timer.stop();
      }
      if (taken.length > 0) yield fileOf(taken, isLast);
    }
    if (failure) throw failure.error;
  } finally {
    asked?.catch(() => undefined);
    await pages.return?.();
  }
}

/** A page that was taken. */
interface Taken extends Pick<CursorPage, 'next' | 'memory'> {
  page: LandedPage;
  text: string;
  textColumns: readonly string[];
}

/** @returns what adds a page to those taken, and says whether it is the last one */
async function createTaker<Options>(
  landing: Landing<Options>,
  start: PageStart,
  { columns, isEnough }: LandHow,
): Promise<(page: CursorPage, taken: Taken[]) => boolean> {
  const { source, folder } = landing;
  const landed = await seenOf(landing);
  const seen = emptySeen();
  let number = start.page;
  let place = placeOf(landing, start.position);
  const assertNew = (what: 'places' | 'hashes', key: string, page: number, words: string): void => {
    const before = (landed[what].get(key) ?? seen[what].get(key)) as number | undefined;
    if (before !== undefined && before !== page)
      throw repeats(landing, `page ${page + 1} has the same ${words} as page ${before + 1}`);
  };
  return (found, taken) => {
    const { text, broken, textColumns } = toLines(
      found.records,
      `${source.type} page ${number + 1}`,
      columns,
    );
    const page: LandedPage = {
      place,
      hash: digest(`${found.distinct ?? ''}${text}`).slice(0, 24),
      isDistinct: found.distinct !== undefined && text !== '',
      records: found.records.length,
      bytes: Buffer.byteLength(text),
      broken,
    };
    if (page.isDistinct) assertNew('hashes', page.hash, number, 'records');
    addSeen(seen, number, page);
    const { next, memory } = found;
    taken.push({ page, text, textColumns, ...(next !== undefined && { next }), ...(memory && { memory }) });
    number += 1;
    if (next === undefined) return true;
    place = placeOf(landing, next);
    assertNew('places', place, number, 'position');
    // One that is landed again ends where the next one starts.
    const isKnown =
      landed.names.has(receiptName(folder, place)) || landed.names.has(partitionName(folder, number));
    return isEnough(number - 1, page) || isKnown;
  };
}

function fileOf(taken: readonly Taken[], isLast: boolean): PagesFile {
  const { next, memory } = taken.at(-1) ?? {};
  return {
    pages: taken.map(({ page }) => page),
    texts: taken.map(({ text }) => text),
    textColumns: [...new Set(taken.flatMap(({ textColumns }) => textColumns))],
    ...(next !== undefined && { next }),
    ...(memory && { memory }),
    isLast,
  };
}

function createTimer(afterMs: number) {
  let startMs = Infinity;
  let handle: NodeJS.Timeout | undefined;
  let end: (due: typeof DUE) => void = () => undefined;
  return {
    due: new Promise<typeof DUE>((resolve) => (end = resolve)),
    start(): void {
      startMs = performance.now();
      handle = setTimeout(() => end(DUE), afterMs);
    },
    /** A source that never waits lets no timer fire. */
    isOver: () => performance.now() - startMs > afterMs,
    stop: () => clearTimeout(handle),
  };
}
