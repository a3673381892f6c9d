/** A look at one file: its dialect, columns and a sample, by its head. */
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import type { SourceFile } from '../../plugin/source';
import { assertText } from '../files/assert-text';
import { openFile, showPath } from '../files/find';
import { describeFile, withContent } from '../files/fingerprint';
import { makePlainCopy, needsPlainCopy } from '../files/plain-copy';
import type { Dialect } from './boundaries';
import { assertSameColumns, detectLayout, type Layout } from './detect';
import { findFooter } from './footer';
import type { Head } from './head';
import type { CsvOptions } from './options';
import { createValueReader } from './values';

/** What later steps need to know about one file. */
export interface FileDetails {
  dialect: Dialect;
  /** Empty fields after the last column that a record may have. */
  surplus: number;
  /** Offset and physical line of the first record, and bytes in all, of the plain text. */
  start: number;
  line: number;
  bytes: number;
  /** Lines that DuckDB can skip to read the file in place, or null. */
  skip: number | null;
  /** Read from a plain copy among the shared files. */
  copied: boolean;
  /** Its columns in order, where they are not those of the source. */
  columns?: readonly string[];
}

/** What is known of one file before its columns are compared with those of others. */
export interface Looked {
  file: SourceFile;
  details: FileDetails;
  columns: readonly string[];
  warnings: readonly string[];
  sample: (string | null)[][];
  sampleBytes: number;
}

/**
 * @param delimiter the one of the first file, or the user's
 * @param first the first file, with which the columns are compared; its path is empty where this is it
 * @throws FlexetlError SOURCE_MISSING, SOURCE_UNREADABLE
 */
export async function lookAt(
  absolute: string,
  options: CsvOptions,
  context: PluginContext,
  delimiter: string | undefined,
  first: { path: string; columns: readonly string[] },
): Promise<Looked> {
  const file = await describeFile(absolute, showPath(absolute, context.projectDir));
  const copied = await needsPlainCopy(absolute, file.path, options.encoding);
  const plain = copied ? await makePlainCopy(absolute, file, options.encoding, context) : absolute;
  const { head, bytes } = await readHead(plain, file.path, options.skip_footer);
  if (!copied) assertText(head.bytes, file.path, options.encoding);
  const layout = detectLayout(head, options, delimiter);
  if (first.path !== '' && options.schema_contract === 'freeze')
    assertSameColumns(head, options, layout, first);
  const details = detailsOf(layout, bytes, copied);
  // A part of a file is never read in place.
  if (options.skip_footer > 0) details.skip = null;
  return {
    file: await withContent(absolute, file),
    details,
    columns: layout.columns,
    warnings: layout.warnings,
    sample: sampleOf(layout, options),
    sampleBytes: layout.sampleBytes,
  };
}

function detailsOf(layout: Layout, bytes: number, copied: boolean): FileDetails {
  const { dialect, surplus, start, line, skip } = layout;
  return { dialect, surplus, start, line, bytes, skip, copied };
}

function sampleOf(layout: Layout, options: CsvOptions): (string | null)[][] {
  const read = createValueReader(options, layout.columns.length, layout.surplus);
  const sample: (string | null)[][] = [];
  for (const fields of layout.sample) {
    if (sample.length >= LIMITS.sampleRecordsMax) break;
    // An empty line is a record only in a file of one column.
    if (Array.isArray(fields) && fields.length === 1 && fields[0] === '' && layout.columns.length > 1)
      continue;
    const result = read(fields);
    if ('values' in result) sample.push(result.values);
  }
  return sample;
}

async function readHead(
  plain: string,
  shown: string,
  footerLines: number,
): Promise<{ head: Head; bytes: number }> {
  const handle = await openFile(plain, shown);
  try {
    const { size } = await handle.stat();
    const end = footerLines === 0 ? size : await findFooter(handle, size, footerLines);
    if (end === undefined) {
      throw new FlexetlError('SOURCE_UNREADABLE', {
        message: `${shown} has last lines of more than ${LIMITS.sampleBytes} bytes, skip_footer is ${footerLines}.`,
        hint: 'Set a smaller skip_footer, and check the line breaks of the file.',
      });
    }
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.alloc(Math.min(end, LIMITS.sampleBytes)),
      position: 0,
    });
    const bytes = buffer.subarray(0, bytesRead);
    return { head: { path: shown, bytes, final: bytesRead === end }, bytes: end };
  } finally {
    await handle.close();
  }
}
