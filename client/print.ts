/** Prints results and errors. */
import { ERROR_CODES, FlexetlError, messageOf, type Place } from '../pipeline/errors';
import { count, many, seconds } from '../pipeline/markdown';
import { publishedRows, type ErrorReport, type RunReport, type TargetReport } from '../pipeline/report';
import { explainServer } from './explain-server';
import { EXIT, type CommandContext } from './context';

export function printLine(context: CommandContext, line = ''): void {
  context.stdout.write(`${line}\n`);
}

export function printJson(context: CommandContext, value: unknown): void {
  if (context.results) context.results.push(value);
  else context.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** A note to the person at the terminal. */
export function printNote(context: CommandContext, line: string): void {
  context.stderr.write(`${line}\n`);
}

/**
 * One short paragraph; the stack trace only with --debug.
 * @param pipeline which one it is about, where there are several
 * @returns the exit code
 */
export function printError(context: CommandContext, error: unknown, pipeline?: string): number {
  const known = error instanceof FlexetlError ? error : explainServer(error);
  const code = known?.code ?? 'INTERNAL';
  const message = known ? known.message : `Unexpected: ${messageOf(error)}`;
  const hint = known ? known.hint : 'Run again with --debug for the stack trace, and please report it.';
  const report: ErrorReport = {
    code,
    message,
    ...(hint !== undefined && { hint }),
    ...(known && known.places.length > 0 && { places: known.places }),
  };
  if (context.json) printJson(context, { ...(pipeline !== undefined && { pipeline }), error: report });
  context.stderr.write(`${errorLines(report).join('\n')}\n`);
  if (context.debug && error instanceof Error) context.stderr.write(`${error.stack ?? ''}\n`);
  return known ? ERROR_CODES[known.code].exit : EXIT.runFailed;
}

export function errorLines(error: ErrorReport): string[] {
  const places = (error.places ?? []).map((place) => `  ${placeLine(place)}`);
  return [`error ${error.code}: ${error.message}`, ...places, ...(error.hint ? [error.hint] : [])];
}

function placeLine(place: Place): string {
  const column = place.column === null ? '' : ` ${place.column}`;
  const value = place.value === null ? '' : ` ${JSON.stringify(place.value)}`;
  return `${place.file}:${place.line}${column}:${value} ${place.reason}`;
}

/**
 * @param reportFile path of the report, if it was written
 * @param webUi how to open the run in the Web UI, if its server is known
 */
export function printReport(
  context: CommandContext,
  report: RunReport,
  reportFile: string | undefined,
  webUi: string | undefined,
): void {
  const sign = report.status === 'succeeded' ? '✔' : '✘';
  printLine(
    context,
    `${sign} ${report.pipeline} ${report.status} in ${seconds(report.duration_ms)}   run ${report.run_key}`,
  );
  printLine(context, `  rows     ${rowsLine(report)}`);
  for (const target of report.targets) {
    const rows = target.already
      ? `already loaded by run ${target.already.run_key}: ${many(target.already.rows, 'row')}, 0 rows now`
      : `${many(publishedRows(target), 'row')} ${target.status}${deduplicatedWords(target)}`;
    printLine(context, `  target   ${target.type} ${target.name} (${target.mode}): ${rows}`);
  }
  if (report.publish_skew_ms !== undefined)
    printLine(context, `  visible  within ${seconds(report.publish_skew_ms)} of each other`);
  printLine(context, `  steps    ${stepsLine(report)}`);
  if (reportFile !== undefined) printLine(context, `  report   ${reportFile}`);
  if (webUi !== undefined) printLine(context, `  web ui   ${webUi}`);
}

function deduplicatedWords({ rows_deduplicated: rows }: TargetReport): string {
  return rows === undefined ? '' : `, ${count(rows)} deduplicated by the key`;
}

/** The row balance as an equation: read = what became of the rows. A run that ended early has none. */
function rowsLine(report: RunReport): string {
  const { read, output, ...fates } = report.rows;
  const parts = Object.entries(fates).filter(([, rows]) => rows > 0);
  const terms = parts.map(([name, rows]) => `${count(rows)} ${name}`);
  if (report.status !== 'succeeded') return [`${count(read)} read`, ...terms].join(', ');
  if (fates.aggregated === 0 && output > 0) terms.push(`${count(output)} output`);
  const equation = `${count(read)} read = ${terms.join(' + ') || '0'}`;
  const groups = fates.aggregated > 0 ? ` into ${many(output, 'group')}` : '';
  return `${equation}${groups}   ${report.balanced ? 'balanced' : 'not balanced'}`;
}

function stepsLine(report: RunReport): string {
  return Object.entries(report.steps)
    .map(
      ([name, step]) =>
        `${name} ${seconds(step.duration_ms)}${step.attempts > 1 ? ` (attempt ${step.attempts})` : ''}`,
    )
    .join(', ');
}

/** Rows of cells as aligned columns; numbers on the right; line breaks and control characters are escaped. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [header, ...rows].map((row) => row.map(oneLine));
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const numeric = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^-?[\d,.]*$/.test(row[column] ?? '')),
  );
  return all.map((row) =>
    row
      .map((cell, column) =>
        numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => {
    const escaped = JSON.stringify(char).slice(1, -1);
    return escaped === char ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped;
  });
}
