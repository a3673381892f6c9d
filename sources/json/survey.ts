/** Surveys a source once: files, columns, a sample. Later steps find its plain text here. */
import { explainColumnName, nameKey } from '../../pipeline/columns';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import type { SourceFile, SourceSurvey } from '../../plugin/source';
import { assertText } from '../files/assert-text';
import { findFiles, openFile, showPath, type FileKind } from '../files/find';
import { describeFile, withContent } from '../files/fingerprint';
import { makePlainCopy, needsPlainCopy } from '../files/plain-copy';
import { detectLayout, unreadable } from './detect';
import { surveyKeys, type FoundKeys } from './keys';
import type { JsonOptions } from './options';
import type { PlainFile } from './plain-file';
import { openSample } from './sample';
import { findTree } from './tree';

const JSON_FILES: FileKind = {
  name: 'JSON',
  pattern: /\.(json|jsonl|ndjson)(\.(gz|zst|zip))?$/i,
  shown: '*.json, *.jsonl or *.ndjson, or the same with .gz, .zst or .zip',
};

/** @throws FlexetlError SOURCE_MISSING, SOURCE_UNREADABLE */
export async function surveyJson(options: JsonOptions, context: PluginContext): Promise<SourceSurvey> {
  const { projectDir, signal } = context;
  const plain: PlainFile[] = [];
  const keys: FoundKeys = { names: [...(options.columns ?? [])], onlyNulls: new Set(), bytes: 0, records: 0 };
  const sample = openSample(options);
  for (const absolute of await findFiles(options.path, projectDir, JSON_FILES)) {
    signal.throwIfAborted();
    const source = await describeFile(absolute, showPath(absolute, projectDir));
    const file = await describePlain(options, context, absolute, source);
    file.source = await withContent(absolute, source);
    plain.push(file);
    await surveyKeys(options, file, await findTree(options, file), keys);
  }
  const columns = columnsOf(options, keys, plain);
  for (const file of plain) {
    if (sample.isFull()) break;
    await sample.add(file, await findTree(options, file), columns);
  }
  return {
    files: plain.map(({ source }) => source),
    columns,
    ...sample.found(),
    detected: plain.map(({ isDocument, start, bytes, copied }) => ({ isDocument, start, bytes, copied })),
    pins: { encoding: options.encoding, ...pinFormat(options, plain) },
    ...(keys.records === 0 && !keys.firstBroken && { warnings: ['The source has no records.'] }),
  };
}

function pinFormat({ record_path }: JsonOptions, [first]: readonly PlainFile[]) {
  return record_path === undefined && first ? { format: first.isDocument ? 'array' : 'ndjson' } : {};
}

async function describePlain(
  options: JsonOptions,
  context: PluginContext,
  absolute: string,
  source: SourceFile,
): Promise<PlainFile> {
  const { encoding } = options;
  const shown = source.path;
  const copied = await needsPlainCopy(absolute, shown, encoding);
  const path = copied ? await makePlainCopy(absolute, source, encoding, context) : absolute;
  const handle = await openFile(path, shown);
  try {
    const { size: bytes } = await handle.stat();
    const length = Math.min(bytes, LIMITS.sampleBytes);
    const head = Buffer.alloc(length + 2);
    const { bytesRead } = await handle.read(head, 0, length, 0);
    if (!copied) assertText(head.subarray(0, bytesRead), shown, encoding);
    const layout = detectLayout(shown, head, bytesRead, bytesRead === bytes, options);
    return { ...layout, bytes, copied, path, shown, source, absolute };
  } finally {
    await handle.close();
  }
}

/** @throws FlexetlError SOURCE_UNREADABLE for names that cannot be columns, and where there are none */
function columnsOf(options: JsonOptions, keys: FoundKeys, plain: readonly PlainFile[]): string[] {
  const shown = plain[0]?.shown ?? options.path;
  if (options.columns) return options.columns;
  const { flatten } = options;
  const isParent = (name: string): boolean =>
    flatten !== undefined && keys.names.some((other) => other.startsWith(name + flatten));
  const names = keys.names.filter((name) => !keys.onlyNulls.has(name) || !isParent(name));
  if (names.length === 0) throw noColumns(shown, keys);
  const seen = new Map<string, number>();
  for (const name of names) {
    const problem = explainColumnName(name, seen);
    if (problem !== undefined) {
      throw unreadable(
        shown,
        `has a key that cannot be a column: column ${seen.size + 1} ${problem}`,
        'List the keys that are wanted under columns of the source.',
      );
    }
    seen.set(nameKey(name), seen.size + 1);
  }
  return names;
}

function noColumns(shown: string, { firstBroken, records }: FoundKeys): FlexetlError {
  if (firstBroken) {
    return new FlexetlError('SOURCE_UNREADABLE', {
      message: `${firstBroken.file} has no record that can be read. The first one, at line ${firstBroken.line}: ${firstBroken.reason}.`,
      hint: 'Check that the file is JSON, one record per line or an array of records.',
      places: [firstBroken],
    });
  }
  const what = records === 0 ? 'has no records' : 'has no record with a key';
  return unreadable(
    shown,
    `${what}, so its columns are not known`,
    'Name them under columns of the source: it then may be empty.',
  );
}
