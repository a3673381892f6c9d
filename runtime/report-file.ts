/** The run report as a file. */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlexetlError, messageOf } from '../pipeline/errors';
import type { RunReport } from '../pipeline/report';
import { safeName } from './staging';

/** Where the report of a run is kept, relative to the project. */
export function reportPath(pipeline: string, runKey: string): string {
  return join('output', 'reports', safeName(pipeline), `${safeName(runKey)}.json`);
}

/** @throws FlexetlError STAGING_UNWRITABLE */
export async function writeReport(projectDir: string, report: RunReport): Promise<string> {
  const path = reportPath(report.pipeline, report.run_key);
  const file = join(projectDir, path);
  const scratchFile = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(scratchFile, `${JSON.stringify(report, null, 2)}\n`);
    await rename(scratchFile, file);
  } catch (error) {
    throw new FlexetlError('STAGING_UNWRITABLE', {
      message: `The run report ${path} cannot be written: ${messageOf(error)}.`,
      hint: 'Make the folder output/reports writable.',
      cause: error,
    });
  }
  return path;
}
