/** The run report as a file. */
import { accessSync, constants } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FlexetlError, messageOf } from '../pipeline/errors';
import type { RunReport } from '../pipeline/report';
import { makeFolders } from './folders';
import { writeDurably } from './staging/durable-file';
import { safeName } from './staging/local';

/** Where the report of a run is kept, relative to the project. */
export function reportPath(pipeline: string, runKey: string): string {
  return join('output', 'reports', ...pipeline.split('/').map(safeName), `${safeName(runKey)}.json`);
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
export async function writeReport(projectDir: string, report: RunReport): Promise<void> {
  const path = reportPath(report.pipeline, report.run_key);
  const file = join(projectDir, path);
  try {
    makeFolders(dirname(file));
    await removeDrafts(file);
    await writeDurably(file, `${JSON.stringify(report, null, 2)}\n`, 0o666);
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
): Promise<RunReport | undefined> {
  try {
    return JSON.parse(await readFile(join(projectDir, reportPath(pipeline, run_key)), 'utf8')) as RunReport;
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
