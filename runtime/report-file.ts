/** The run report as a file. */
import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlexetlError, messageOf } from '../pipeline/errors';
import type { RunReport } from '../pipeline/report';
import { makeFolders } from './folders';
import { safeName } from './staging/local';

/** Where the report of a run is kept, relative to the project. */
export function reportPath(pipeline: string, runKey: string): string {
  return join('output', 'reports', safeName(pipeline), `${safeName(runKey)}.json`);
}

/**
 * Makes the folder of the reports, so that a run that cannot write its report fails at its start.
 * @throws FlexetlError PATH_UNWRITABLE
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

/** @throws FlexetlError PATH_UNWRITABLE */
export async function writeReport(projectDir: string, report: RunReport): Promise<string> {
  const path = reportPath(report.pipeline, report.run_key);
  const file = join(projectDir, path);
  const scratchFile = `${file}.${randomUUID()}.tmp`;
  try {
    makeFolders(dirname(file));
    await writeFile(scratchFile, `${JSON.stringify(report, null, 2)}\n`);
    await rename(scratchFile, file);
  } catch (error) {
    throw unwritable(path, error);
  }
  return path;
}

function unwritable(path: string, cause: unknown): FlexetlError {
  return new FlexetlError('PATH_UNWRITABLE', {
    message: `The run report cannot be written to ${path}: ${messageOf(cause)}.`,
    hint: 'Make the folder output/reports writable.',
    cause,
  });
}
