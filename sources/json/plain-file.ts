/** The files of a source as plain UTF-8 text. */
import { resolve } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import type { PluginContext } from '../../plugin/context';
import type { SourceFile, SourceSurvey } from '../../plugin/source';
import type { FileText } from '../files/partitions';
import { makePlainCopy } from '../files/plain-copy';
import type { Layout } from './detect';
import { isQuery, type JsonOptions } from './options';

/** What later steps need to know about one file. */
interface FileDetails extends Layout {
  bytes: number;
  /** Read from a plain copy among the shared files. */
  copied: boolean;
}

/** A file as plain text. */
export interface PlainFile extends FileDetails {
  /** Absolute path of the plain text. */
  path: string;
  /** As shown to users. */
  shown: string;
  /** The file that the text is of, and its absolute path. */
  source: SourceFile;
  absolute: string;
}

/** A file of the survey as plain text; makes the copy again if it does not exist. */
export async function openPlain(
  options: JsonOptions,
  context: PluginContext,
  survey: SourceSurvey,
  file: number,
): Promise<PlainFile> {
  const source = survey.files[file];
  const details = (survey.detected as FileDetails[])[file];
  if (!source || !details) {
    throw new FlexetlError('INTERNAL', { message: `The survey of the source has no file ${file}.` });
  }
  const absolute = resolve(context.projectDir, source.path);
  const path = details.copied ? await makePlainCopy(absolute, source, options.encoding, context) : absolute;
  return { ...details, path, shown: source.path, source, absolute };
}

/** Each document whose records are found by a query has records of its own; all other files of a form are alike. */
export function textsOf(options: JsonOptions, survey: SourceSurvey): FileText[] {
  return (survey.detected as FileDetails[]).map(({ start, bytes, isDocument }, index) => ({
    start,
    bytes,
    kind: isDocument ? (isQuery(options) ? `query ${index}` : 'document') : 'lines',
  }));
}
