/** The reports that are kept under `output/reports/`: of one run, of the newest one, or of the last ones. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { ReportFile } from '../../pipeline/report';
import { hintForName } from '../../pipeline/suggest';
import { mapTogether } from '../../runtime/map-together';
import { findReport, readReport, reportsFolder } from '../../runtime/report-file';

/** The last reports of a pipeline, at most `LIMITS.trendRunsMax`, the oldest first. */
export async function listReports(projectDir: string, pipeline: string): Promise<ReportFile[]> {
  const folder = join(projectDir, reportsFolder(pipeline));
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
  const files = await mapTogether(names, async (name) => {
    const file = join(folder, name);
    return { file, written: (await stat(file).catch(() => undefined))?.mtimeMs ?? 0 };
  });
  const last = files.sort((a, b) => b.written - a.written).slice(0, LIMITS.trendRunsMax);
  const reports = await mapTogether(last, ({ file }) => readReport(file));
  return reports
    .flatMap((report) => (report?.pipeline === pipeline ? [report] : []))
    .sort((a, b) => a.started_at.localeCompare(b.started_at));
}

/** A run by its pipeline, which means its newest run, by its key, or by both. */
export interface ReportAddress {
  name: string | undefined;
  runKey: string | undefined;
}

/**
 * @param name of a pipeline, or a run key; absent: the newest run of all
 * @throws FlexetlError RUN_NOT_FOUND, USAGE where several runs are meant
 */
export async function selectReport(projectDir: string, { name, runKey }: ReportAddress): Promise<ReportFile> {
  if (name !== undefined && runKey !== undefined) {
    const found = await findReport(projectDir, { pipeline: name, run_key: runKey });
    if (found) return found;
    throw notFound(`No report of a run of ${name} with the key ${runKey}.`);
  }
  const pipelines = await listReported(projectDir);
  if (name !== undefined && pipelines.includes(name)) return newest(await listReports(projectDir, name));
  const key = name ?? runKey;
  if (key === undefined) {
    const all = await mapTogether(pipelines, (pipeline) => listReports(projectDir, pipeline));
    const last = all.flat().sort((a, b) => a.started_at.localeCompare(b.started_at));
    return newest(last);
  }
  const found = await mapTogether(pipelines, (pipeline) =>
    findReport(projectDir, { pipeline, run_key: key }),
  );
  const [one, ...others] = found.flatMap((report) => report ?? []);
  if (!one)
    throw notFound(`No report of a pipeline or a run ${key}.`, hintForName(key, pipelines, 'pipelines'));
  if (others.length === 0) return one;
  throw new FlexetlError('USAGE', {
    message: `Several pipelines have a run ${key}: ${[one, ...others].map((report) => report.pipeline).join(', ')}.`,
    hint: `Name one, as in: flexetl report ${one.pipeline} --run-key ${JSON.stringify(key)}`,
  });
}

function newest(reports: readonly ReportFile[]): ReportFile {
  const last = reports.at(-1);
  if (last) return last;
  throw notFound('There are no reports.');
}

/** The pipelines that have a report, by their names; a folder may have another name than its pipeline. */
export async function listReported(projectDir: string): Promise<string[]> {
  const root = dirname(join(projectDir, reportsFolder('x')));
  const names = await readdir(root, { recursive: true }).catch(() => []);
  const one = new Map(names.filter((name) => name.endsWith('.json')).map((name) => [dirname(name), name]));
  const found = await mapTogether([...one.values()], (name) => readReport(join(root, name)));
  return found.flatMap((report) => (report ? [report.pipeline] : [])).sort();
}

function notFound(
  message: string,
  hint = 'Reports are under output/reports/, written at the end of each run.',
): FlexetlError {
  return new FlexetlError('RUN_NOT_FOUND', { message, hint });
}
