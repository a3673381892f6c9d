/** The run report as a file, and what lies beside it: the verdicts, and a page to read. */
import { accessSync, constants } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FlexetlError, messageOf } from '../pipeline/errors';
import type { ReportFile, RunReport } from '../pipeline/report';
import { makeFolders } from './folders';
import { publishFile, writeDurably } from './staging/durable-file';
import { safeName } from './staging/local';

/** The folder of the reports of a pipeline, relative to the project. */
export function reportsFolder(pipeline: string): string {
  return join('output', 'reports', ...pipeline.split('/').map(safeName));
}

type PaperKind = 'json' | 'html' | 'verdicts.parquet';

/** Where the report of a run is kept, or what lies beside it, relative to the project. */
export function reportPath(pipeline: string, runKey: string, kind: PaperKind = 'json'): string {
  return join(reportsFolder(pipeline), `${safeName(runKey)}.${kind}`);
}

/**
 * Makes the folder of the reports, so that a run that cannot write its report fails at its start.
 * @throws FlexetlError DISK_FULL, PATH_UNWRITABLE
 */
export function openReports(projectDir: string, pipeline: string): void {
  const folder = dirname(reportPath(pipeline, 'run'));
  try {
    makeFolders(join(projectDir, folder));
    accessSync(join(projectDir, folder), constants.W_OK);
  } catch (error) {
    throw unwritable(folder, error);
  }
}

/**
 * The report survives a power cut, and appears complete or not at all. Its folder is made where it has gone.
 * @throws FlexetlError DISK_FULL, PATH_UNWRITABLE
 */
export async function writeReport(projectDir: string, report: ReportFile): Promise<void> {
  const text = `${JSON.stringify(report, null, 2)}\n`;
  await writePaper(projectDir, reportPath(report.pipeline, report.run_key), (file) =>
    writeDurably(file, text, 0o666),
  );
}

/** The page beside the report. @throws FlexetlError DISK_FULL, PATH_UNWRITABLE */
export async function writePage(
  projectDir: string,
  { pipeline, run_key }: Pick<RunReport, 'pipeline' | 'run_key'>,
  text: string,
): Promise<void> {
  await writePaper(projectDir, reportPath(pipeline, run_key, 'html'), (file) =>
    writeDurably(file, text, 0o666),
  );
}

/**
 * A copy of a finished file as the verdicts of a run; without one, those of an earlier run of the key are removed.
 * @throws FlexetlError DISK_FULL, PATH_UNWRITABLE
 */
export async function writeVerdicts(
  projectDir: string,
  { pipeline, run_key }: Pick<RunReport, 'pipeline' | 'run_key'>,
  scratchFile: string | undefined,
): Promise<void> {
  await writePaper(projectDir, reportPath(pipeline, run_key, 'verdicts.parquet'), async (file) => {
    if (scratchFile === undefined) return rm(file, { force: true });
    // The staging folder may be on another disk.
    const draft = `${file}.${randomUUID()}.tmp`;
    try {
      await copyFile(scratchFile, draft);
      await publishFile(draft, file);
    } finally {
      await rm(draft, { force: true });
    }
  });
}

async function writePaper(
  projectDir: string,
  path: string,
  write: (file: string) => Promise<void>,
): Promise<void> {
  const file = join(projectDir, path);
  try {
    makeFolders(dirname(file));
    await removeDrafts(file);
    await write(file);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** What attempts that were killed have left beside the file. */
async function removeDrafts(file: string): Promise<void> {
  const isDraft = (name: string): boolean => name.startsWith(`${basename(file)}.`) && name.endsWith('.tmp');
  const drafts = (await readdir(dirname(file))).filter(isDraft);
  for (const name of drafts) await rm(join(dirname(file), name), { force: true });
}

/** The report that a run key has, if it can be read. */
export async function findReport(
  projectDir: string,
  { pipeline, run_key }: Pick<RunReport, 'pipeline' | 'run_key'>,
): Promise<ReportFile | undefined> {
  return readReport(join(projectDir, reportPath(pipeline, run_key)));
}

/** @param file absolute @returns undefined for a file that is not there, or is no report */
export async function readReport(file: string): Promise<ReportFile | undefined> {
  try {
    const report = JSON.parse(await readFile(file, 'utf8')) as ReportFile;
    return typeof report.pipeline === 'string' && typeof report.run_key === 'string' ? report : undefined;
  } catch {
    return undefined;
  }
}

function unwritable(path: string, cause: unknown): FlexetlError {
  const isFull = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
  return new FlexetlError(isFull ? 'DISK_FULL' : 'PATH_UNWRITABLE', {
    message: `The run report cannot be written to ${path}: ${messageOf(cause)}.`,
    hint: isFull ? 'Free space on its disk.' : 'Make the folder output/reports writable.',
    cause,
  });
}
