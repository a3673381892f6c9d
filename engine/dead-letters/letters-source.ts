/**
 * The records of a replay as a source: the corrected letters instead of what the source of the pipeline has. Values are
 * texts, which the rules of that source read. A partition is a part of the run whose queue it is, so that its rows can be
 * put where they belong; where only the corrected records are loaded it is a piece of the queue.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { DeadLetter, LettersUse } from '../../pipeline/dead-letter';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { TextRules } from '../../pipeline/types';
import type { PluginContext } from '../../plugin/context';
import type { OpenSource, Partition, SourceSurvey } from '../../plugin/source';
import { openQueue, type Queue } from '../../runtime/dead-letters/queue';
import { inputFile, readReplay, replayedLetters } from '../../runtime/dead-letters/replays';
import { landedRelation, readLandedRecords, repairLanded } from '../landed-pages';
import type { LandedFile } from '../page-files';
import { toLines } from '../page-lines';

/** How the source of the pipeline reads texts. */
export interface TextReading {
  rules: TextRules;
  /** Texts that mean null. */
  nullValues: readonly string[];
}

/** The receipt of the letters of each partition. */
type Detected = readonly LandedFile[];

export function openLetters(
  use: LettersUse,
  { rules, nullValues }: TextReading,
  context: PluginContext,
): OpenSource {
  const { shared, projectDir } = context;
  const valuesOf = ({ columns }: SourceSurvey) => ({ columns, nullValues });
  /** The page of a partition; all are made again where it is gone. */
  const pageOf = async (survey: SourceSurvey, { index }: Partition): Promise<LandedFile> => {
    const page = (survey.detected as Detected)[index];
    if (!page) throw new FlexetlError('INTERNAL', { message: `The replay has no partition ${index}.` });
    const files = await Promise.all([page.file, lettersOf(page)].map((file) => shared.find(file)));
    if (files.includes(undefined)) await makePages(use, await findQueue(use, projectDir), context);
    return page;
  };
  return {
    rules,
    survey: async () => {
      const queue = await findQueue(use, projectDir);
      const { pages, letters } = await makePages(use, queue, context);
      const { columns } = queue.head;
      const sample = letters
        .slice(0, LIMITS.sampleRecordsMax)
        .map(({ data }) => columns.map((name) => data?.[name] ?? null));
      const bytes = pages.flatMap(({ pages: [page] }) => page?.bytes ?? 0).reduce((a, b) => a + b, 0);
      const digest = (await readReplay(queue.dir, use.number))?.digest ?? '';
      const path = inputFile(use.queue, use.number);
      return {
        files: [{ path, bytes, fingerprint: digest, content: digest }],
        columns,
        sample,
        recordBytes: letters.length === 0 ? 0 : bytes / letters.length,
        detected: pages satisfies Detected,
      };
    },
    partitions: ({ detected }) => {
      const pages = detected as Detected;
      const known = pages.map(({ pages: [page] }, index) => {
        return { index, file: 0, start: 0, end: page?.records ?? 0 };
      });
      return Promise.resolve({ known });
    },
    land: () => Promise.reject(new FlexetlError('INTERNAL', { message: 'A replay lands nothing.' })),
    relation: async (survey, partition) =>
      landedRelation([await pageOf(survey, partition)], valuesOf(survey), shared),
    repair: async (survey, partition) =>
      repairLanded([await pageOf(survey, partition)], valuesOf(survey), context),
    async *records(survey, partition, ordinals) {
      const page = await pageOf(survey, partition);
      const letters = await readLettersOf(page, context);
      for await (const record of readLandedRecords('replay', [page], valuesOf(survey), context, ordinals)) {
        const letter = letters[record.ordinal];
        if (!letter) continue;
        const { file, line, byte_offset: byteOffset, raw } = letter;
        yield { ...record, file, line, byteOffset, raw, record: letter.record };
      }
    },
    // The letters of a replay never change.
    assertUnchanged: () => Promise.resolve(),
    release: () => Promise.resolve(),
  };
}

/** @throws FlexetlError REPLAY_REFUSED where the queue was discarded meanwhile */
export async function findQueue({ queue: path }: { queue: string }, projectDir: string): Promise<Queue> {
  const queue = await openQueue(projectDir, path);
  if (queue) return queue;
  throw new FlexetlError('REPLAY_REFUSED', {
    message: `There is no dead-letter queue in ${path}.`,
    hint: 'It may have been discarded; or this worker does not share the folder with the command.',
  });
}

/** The letters of a partition that {@link openLetters} reads, in order. */
export async function lettersOfPartition(
  survey: SourceSurvey,
  index: number,
  context: PluginContext,
): Promise<DeadLetter[]> {
  const page = (survey.detected as Detected)[index];
  return page ? readLettersOf(page, context) : [];
}

async function readLettersOf(page: LandedFile, { shared }: PluginContext): Promise<DeadLetter[]> {
  const path = await shared.find(lettersOf(page));
  if (path === undefined) return [];
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as DeadLetter);
}

/** The name of the file that has the letters beside their values. */
const lettersOf = ({ file }: LandedFile): string => file.replace(/\.ndjson$/, '.letters.ndjson');

async function makePages(
  use: LettersUse,
  queue: Queue,
  { shared }: PluginContext,
): Promise<{ pages: LandedFile[]; letters: DeadLetter[] }> {
  const letters = await replayedLetters(queue.dir, use.number, use.mode === 'whole');
  const groups = use.mode === 'whole' ? byPart(letters, queue) : inPieces(letters);
  const folder = `letters/${createHash('sha256').update(JSON.stringify(use)).digest('hex').slice(0, 16)}`;
  const pages: LandedFile[] = [];
  for (const [index, group] of groups.entries()) {
    const where = basename(use.queue);
    const { text, broken, textColumns } = toLines(
      group.map(({ data }) => data ?? {}),
      where,
      queue.head.columns,
    );
    const file = `${folder}/${String(index).padStart(6, '0')}.ndjson`;
    const records = { place: '', hash: '', isDistinct: false, records: group.length, broken };
    const page = { page: index, file, textColumns, pages: [{ ...records, bytes: Buffer.byteLength(text) }] };
    await shared.make(file, (path) => writeFile(path, text));
    await shared.make(lettersOf(page), (path) =>
      writeFile(path, group.map((letter) => `${JSON.stringify(letter)}\n`).join('')),
    );
    pages.push(page);
  }
  return { pages, letters };
}

function byPart(letters: readonly DeadLetter[], { head }: Queue): DeadLetter[][] {
  const groups = (head.kept?.parts ?? []).map((): DeadLetter[] => []);
  for (const letter of letters) groups[letter.place.part]?.push(letter);
  return groups;
}

function inPieces(letters: readonly DeadLetter[]): DeadLetter[][] {
  const pieces: DeadLetter[][] = [];
  for (let from = 0; from < letters.length; from += LIMITS.lettersPerPart)
    pieces.push(letters.slice(from, from + LIMITS.lettersPerPart));
  return pieces;
}
