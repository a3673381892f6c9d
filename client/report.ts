/** `flexetl report`: what a run has left under `output/reports/`, and the last runs of a pipeline; needs no server. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as pipe } from 'node:stream/promises';
import { listReported, listReports, selectReport } from '../engine/report/list-reports';
import { readVerdicts, type Verdict } from '../engine/report/read-verdicts';
import { badRows } from '../engine/report/page/trend';
import { percent } from '../engine/report/page/words';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { count, many, seconds } from '../pipeline/markdown';
import { loadedRows, type ReportFile } from '../pipeline/report';
import { hintForName } from '../pipeline/suggest';
import { reportPath } from '../runtime/report-file';
import { EXIT, type CommandContext } from './context';
import { errorLines, formatTable, printJson, printLine, printNote, printReport } from './print';

export interface ReportOptions {
  runKey?: string;
  /** Only the verdicts of this rule. */
  rule?: string;
  /** All verdicts instead of the first ones. */
  all?: boolean;
  /** A pipeline whose last runs are shown instead of one run. */
  trend?: string;
}

/** @param name of a pipeline, which means its newest run, or a run key; absent: the newest run of all */
export async function reportCommand(
  context: CommandContext,
  name: string | undefined,
  options: ReportOptions,
): Promise<number> {
  const { projectDir } = context.settings;
  if (options.trend !== undefined) return showTrend(context, options.trend);
  const { rule, all = false, runKey } = options;
  const report = await selectReport(projectDir, { name, runKey });
  const isList = all || rule !== undefined;
  if (context.json) {
    if (isList) await print(context, jsonList(readVerdicts(projectDir, report, { rule })));
    else printJson(context, report);
    return EXIT.done;
  }
  const max = all ? undefined : LIMITS.placesMax;
  const verdicts = readVerdicts(projectDir, report, { rule, max });
  if (isList) await print(context, lines(verdicts));
  else await printRun(context, report, verdicts);
  const hidden = rule === undefined ? (report.verdicts?.count ?? 0) : rowsOf(report, rule);
  if (!all && hidden > LIMITS.placesMax)
    printNote(
      context,
      `The first ${LIMITS.placesMax} of ${count(hidden)} verdicts; --all prints all of them.`,
    );
  return EXIT.done;
}

function rowsOf({ verdicts }: ReportFile, rule: string): number {
  const rules = verdicts?.rules.filter((one) => one.rule === rule) ?? [];
  return rules.reduce((sum, { failing_rows }) => sum + failing_rows, 0);
}

async function printRun(
  context: CommandContext,
  report: ReportFile,
  verdicts: AsyncIterable<Verdict>,
): Promise<void> {
  const { pipeline, run_key, error, warnings, rows } = report;
  printReport(context, report, reportPath(pipeline, run_key), undefined);
  const page = reportPath(pipeline, run_key, 'html');
  if (existsSync(join(context.settings.projectDir, page))) printLine(context, `  page     ${page}`);
  if (report.verdicts) printLine(context, `  verdicts ${report.verdicts.path}`);
  for (const warning of warnings) printLine(context, `warning: ${warning}`);
  // The places are among the verdicts.
  const shown = error && report.verdicts ? { ...error, places: [] } : error;
  if (shown) for (const line of errorLines(shown)) printLine(context, line);
  if (!report.verdicts) return;
  const table = report.verdicts.rules.map((rule) => [
    rule.rule,
    rule.column ?? '',
    count(rule.failing_rows),
    percent(rule.failing_rows, rows.read),
  ]);
  printLine(context);
  for (const line of formatTable(['rule', 'column', 'rows', 'of all'], table)) printLine(context, line);
  printLine(context);
  await print(context, lines(verdicts));
}

async function* lines(verdicts: AsyncIterable<Verdict>): AsyncGenerator<string> {
  for await (const { file, line, column, rule, value, reason } of verdicts) {
    const what = [column, rule].filter((word) => word !== null).join(' ');
    yield `${file}:${line} ${what}:${value === null ? '' : ` ${JSON.stringify(value)}`} ${reason}\n`;
  }
}

async function* jsonList(verdicts: AsyncIterable<Verdict>): AsyncGenerator<string> {
  let before = '[\n';
  for await (const verdict of verdicts) {
    yield `${before}  ${JSON.stringify(verdict)}`;
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

/** As fast as it is read: there may be millions of lines. */
async function print(context: CommandContext, texts: AsyncIterable<string>): Promise<void> {
  await pipe(Readable.from(texts), context.stdout, { end: false }).catch((error: unknown) => {
    // Nobody reads any more, as of `… | head`.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPIPE' && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}

async function showTrend(context: CommandContext, pipeline: string): Promise<number> {
  const { projectDir } = context.settings;
  const runs = await listReports(projectDir, pipeline);
  if (runs.length === 0) {
    const known = await listReported(projectDir);
    throw new FlexetlError('RUN_NOT_FOUND', {
      message: `No report of a run of ${pipeline}.`,
      hint:
        known.length > 0 ? hintForName(pipeline, known, 'pipelines with reports') : 'No run has ended yet.',
    });
  }
  const newest = [...runs].reverse();
  if (context.json) {
    printJson(context, newest.map(summaryOf));
    return EXIT.done;
  }
  const rows = newest.map((run) => [
    run.started_at.slice(0, 19).replace('T', ' '),
    run.status,
    count(run.rows.read),
    count(badRows(run)),
    percent(badRows(run), run.rows.read),
    count(loadedRows(run)),
    seconds(run.duration_ms),
    run.run_key,
  ]);
  const header = ['started', 'status', 'read', 'bad', '', 'loaded', 'took', 'run key'];
  for (const line of formatTable(header, rows)) printLine(context, line);
  if (runs.length === LIMITS.trendRunsMax) printNote(context, `The last ${many(runs.length, 'run')}.`);
  return EXIT.done;
}

function summaryOf(run: ReportFile): object {
  const { run_key, status, started_at, duration_ms, rows, error } = run;
  return {
    run_key,
    status,
    started_at,
    duration_ms,
    rows,
    rows_loaded: loadedRows(run),
    verdicts: run.verdicts?.count ?? 0,
    error: error && { code: error.code, message: error.message },
  };
}
