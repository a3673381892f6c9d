/** Tells whether a file is unchanged, and names what is derived from it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { Partition, SourceFile, SourceSurvey } from '../../plugin/source';
import { openFile } from './find';

const FINGERPRINT_BYTES = 64 * 1024;

/** Size, mtime in milliseconds and SHA-256 of the first and last 64 KiB, joined by dashes. */
export async function describeFile(absolute: string, shown: string): Promise<SourceFile> {
  const handle = await openFile(absolute, shown);
  try {
    const { size, mtimeMs } = await handle.stat();
    const hash = createHash('sha256');
    for (const position of [0, Math.max(FINGERPRINT_BYTES, size - FINGERPRINT_BYTES)]) {
      const { buffer, bytesRead } = await handle.read({
        buffer: Buffer.alloc(FINGERPRINT_BYTES),
        position,
      });
      hash.update(buffer.subarray(0, bytesRead));
    }
    return {
      path: shown,
      bytes: size,
      fingerprint: `${size}-${Math.trunc(mtimeMs)}-${hash.digest('hex').slice(0, 32)}`,
    };
  } finally {
    await handle.close();
  }
}

/**
 * The file with a digest of its whole content, unless it is larger than `LIMITS.contentBytesMax`: so that a file that
 * was copied or touched is known as the same input.
 */
export async function withContent(absolute: string, file: SourceFile): Promise<SourceFile> {
  const { bytes, fingerprint } = file;
  if (bytes > LIMITS.contentBytesMax) return file;
  // Of a small file the fingerprint has it all.
  if (bytes <= 2 * FINGERPRINT_BYTES) return { ...file, content: fingerprint.split('-').at(-1) ?? '' };
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(absolute)) hash.update(chunk as Buffer);
  return { ...file, content: hash.digest('hex').slice(0, 32) };
}

/**
 * What the name of a file made from a source file starts with: another for each path, content and way to read it.
 * @param settings that the derived file depends on, beside the source file
 */
export function addressOf({ path, fingerprint }: SourceFile, ...settings: readonly string[]): string {
  const inputs = JSON.stringify([path, fingerprint, ...settings]);
  return createHash('sha256').update(inputs).digest('hex').slice(0, 24);
}

/**
 * Makes something from a source file, which must be the surveyed one before and afterwards.
 * @throws FlexetlError SOURCE_CHANGED
 */
export async function withSameFile<T>(
  absolute: string,
  source: SourceFile,
  make: () => Promise<T>,
): Promise<T> {
  await assertSameFile(absolute, source);
  const made = await make();
  await assertSameFile(absolute, source);
  return made;
}

/**
 * The files of a partition are those of the survey.
 * @throws FlexetlError SOURCE_CHANGED that says what changed
 */
export async function assertSameFiles(
  projectDir: string,
  { files }: SourceSurvey,
  { file, lastFile = file }: Partition,
): Promise<void> {
  for (const source of files.slice(file, lastFile + 1))
    await assertSameFile(resolve(projectDir, source.path), source);
}

/** @throws FlexetlError SOURCE_CHANGED that says what changed */
async function assertSameFile(absolute: string, before: SourceFile): Promise<void> {
  const after = await describeFile(absolute, before.path).catch((error: unknown) => {
    throw changed(before.path, messageOf(error));
  });
  if (after.fingerprint === before.fingerprint) return;
  const [sizeBefore = '', timeBefore = ''] = before.fingerprint.split('-');
  const [sizeAfter = '', timeAfter = ''] = after.fingerprint.split('-');
  if (sizeBefore !== sizeAfter) {
    throw changed(before.path, `It had ${sizeBefore} bytes, now it has ${sizeAfter}.`);
  }
  const time = (ms: string): string => new Date(Number(ms)).toISOString();
  const touched = timeBefore !== timeAfter;
  throw changed(
    before.path,
    touched
      ? `It was last written at ${time(timeBefore)}, now at ${time(timeAfter)}.`
      : 'Its bytes are different.',
  );
}

function changed(path: string, what: string): FlexetlError {
  return new FlexetlError('SOURCE_CHANGED', {
    message: `${path} changed while the run was reading it. ${what}`,
    hint: 'Start a new run, and replace a file by renaming a new one, not by writing into it.',
  });
}
