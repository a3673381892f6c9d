/** Lands the pages of a record source: consecutive ones become a file of JSON lines, and then a receipt. */
import { writeFile } from 'node:fs/promises';
import { collectPages, type LandHow, type PagesFile } from './collect-pages';
import {
  addSeen,
  digest,
  endOf,
  otherPages,
  placeOf,
  readReceipt,
  receiptName,
  repeats,
  seenOf,
  type LandedFile,
  type Landing,
  type PageStart,
} from './page-files';

/**
 * The receipts of all files of pages from a start on: first those of landed pages, then those of pages that the source
 * yields. The last file may go beyond the page that is enough.
 */
export async function* landPages<Options>(
  landing: Landing<Options>,
  start: PageStart,
  how: LandHow,
): AsyncGenerator<LandedFile> {
  let isDone = false;
  const isEnough: LandHow['isEnough'] = (...page) => (isDone = how.isEnough(...page));
  let at: PageStart | undefined = start;
  while (at && !isDone) {
    const found = await findReceipt(landing, at);
    let last: LandedFile | undefined;
    if (found?.isWhole) {
      last = found.receipt;
      isDone = last.pages.map((page, index) => how.isEnough(found.receipt.page + index, page)).includes(true);
      yield last;
    } else {
      for await (const [file, isOwn] of requestPages(landing, at, { ...how, isEnough }, found?.receipt)) {
        isDone &&= isOwn;
        yield (last = file);
      }
    }
    if (!last) return;
    at = startAfter(last, start);
  }
}

/** Files of pages that the source yields, and whether they are these; another attempt may have landed others. */
async function* requestPages<Options>(
  landing: Landing<Options>,
  start: PageStart,
  how: LandHow,
  damaged: LandedFile | undefined,
): AsyncGenerator<[file: LandedFile, isOwn: boolean]> {
  // A damaged file gets the same pages again.
  let left = damaged?.pages.length ?? Infinity;
  const isEnough: LandHow['isEnough'] = (...page) => {
    left -= 1;
    return how.isEnough(...page) || left === 0;
  };
  const files = collectPages(landing, start, { ...how, isEnough });
  let at: PageStart | undefined = start;
  try {
    let coming = files.next();
    while (at) {
      const found = await coming;
      if (found.done) return;
      const { pages, next, isLast } = found.value;
      // The next pages are asked for while these are written.
      if (!isLast) coming = files.next();
      coming.catch(() => undefined);
      const file = await landFile(landing, at, found.value);
      const isOwn = file.pages.length === pages.length && JSON.stringify(file.next) === JSON.stringify(next);
      yield [file, isOwn];
      if (isLast || !isOwn) return;
      at = startAfter(file, start);
    }
  } finally {
    await files.return(undefined);
  }
}

function startAfter(file: LandedFile, start: PageStart): PageStart | undefined {
  return file.next === undefined ? undefined : { ...start, page: endOf(file), position: file.next };
}

/** @throws FlexetlError SOURCE_UNREADABLE for a position that repeats */
async function findReceipt<Options>(
  landing: Landing<Options>,
  { page, position }: PageStart,
): Promise<{ receipt: LandedFile; isWhole: boolean } | undefined> {
  const { folder, context } = landing;
  const receipt = await readReceipt(context.shared, folder, placeOf(landing, position));
  if (!receipt) return undefined;
  if (receipt.page === page)
    return { receipt, isWhole: (await context.shared.find(receipt.file)) !== undefined };
  throw repeats(landing, `page ${page + 1} has the same position as page ${receipt.page + 1}`);
}

async function landFile<Options>(
  landing: Landing<Options>,
  start: PageStart,
  { texts, isLast: _, ...found }: PagesFile,
): Promise<LandedFile> {
  const { source, context, folder } = landing;
  const content = digest(found.pages.map(({ hash }) => hash).join(' ')).slice(0, 12);
  const file = `${folder}/${String(start.page).padStart(6, '0')}-${content}.ndjson`;
  await context.shared.make(file, (path) => writeFile(path, texts.join('')));
  const receipt: LandedFile = { page: start.page, file, ...found };
  const name = receiptName(folder, placeOf(landing, start.position));
  await context.shared.make(name, (path) => writeFile(path, JSON.stringify(receipt)));
  // The receipt that is kept may be of another attempt, or of a file that is damaged.
  const kept = await findReceipt(landing, start);
  if (!kept?.isWhole) throw otherPages(`Page ${start.page + 1} of the source ${source.type} is`);
  const seen = await seenOf(landing);
  kept.receipt.pages.forEach((page, index) => addSeen(seen, start.page + index, page));
  return kept.receipt;
}
