/** A run as text: Markdown for the Web UI, and a line for the log. */
import { publishedRows, type RunReport } from './report';

interface ProgressView {
  step: string;
  parts_done: number;
  parts_total: number;
  rows_read: number;
  run_key: string;
  waiting: readonly string[];
}

export function progressMarkdown(progress: ProgressView): string {
  const parts = progress.parts_total > 1 ? ` ${progress.parts_done}/${progress.parts_total}` : '';
  const line = `**${progress.step}**${parts} · ${count(progress.rows_read)} rows read · run \`${progress.run_key}\``;
  return [line, ...progress.waiting].join('\n\n');
}

export function reportMarkdown(report: RunReport): string {
  const fates = Object.entries(report.rows).filter(
    ([name, rows]) => rows > 0 || name === 'read' || name === 'output',
  );
  const lines = [
    `### ${report.pipeline}: ${report.status}`,
    `Run \`${report.run_key}\`, ${seconds(report.duration_ms)}, rows ${report.balanced ? 'balanced' : 'not balanced'}.`,
    '',
    ...targetLines(report),
    '| rows | |',
    '|---|---:|',
    ...fates.map(([name, rows]) => `| ${name} | ${count(rows)} |`),
    ...report.warnings.flatMap((warning) => ['', `**Warning** ${warning}`]),
    ...errorLines(report),
  ];
  return lines.join('\n');
}

function targetLines(report: RunReport): string[] {
  if (report.targets.length === 0) return [];
  return [
    '| target | mode | rows loaded | status |',
    '|---|---|---:|---|',
    ...report.targets.map(
      (target) =>
        `| ${cell(target.name)} | ${target.mode} | ${count(publishedRows(target))} | ${target.already ? 'already loaded' : target.status} |`,
    ),
    ...(report.publish_skew_ms === undefined
      ? []
      : ['', `Visible within ${seconds(report.publish_skew_ms)} of each other.`]),
    '',
  ];
}

function errorLines(report: RunReport): string[] {
  if (!report.error) return [];
  const { code, message, hint, places = [] } = report.error;
  return [
    '',
    `**${code}** ${message}${hint ? ` ${hint}` : ''}`,
    ...(places.length > 0 ? ['', '| place | column | reason |', '|---|---|---|'] : []),
    // Without values: the details of a workflow are in its history.
    ...places.map(
      (place) =>
        `| ${cell(place.file)}:${place.line} | ${cell(place.column ?? '')} | ${cell(place.reason)} |`,
    ),
  ];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** A report in one line, for the log. */
export function reportLine({ pipeline, status, run_key, duration_ms, rows, targets }: RunReport): string {
  const published = targets.filter((target) => target.status === 'published');
  const loaded = published.map((target) => `, ${count(publishedRows(target))} into ${target.name}`).join('');
  return `${pipeline} ${status} in ${seconds(duration_ms)}: ${count(rows.read)} rows read${loaded}, run ${run_key}`;
}

/** 1234567 as 1,234,567. Not with toLocaleString, whose first call takes 25 ms. */
export function count(rows: number): string {
  return String(rows).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 row`, `2,000 rows`. */
export function many(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** Bytes as 850 bytes, 494 KB or 4.1 GB; a KB has 1,000 of them. */
export function bytes(size: number): string {
  if (size < 1000) return `${size} bytes`;
  const power = Math.min(Math.floor(Math.log10(size) / 3), UNITS.length);
  const value = size / 1000 ** power;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[power - 1]}`;
}

const UNITS = ['KB', 'MB', 'GB', 'TB'];

/** Milliseconds as 850 ms or 12.3 s. */
export function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
