/** What the runs amount to: one line per competitor and size, the table, and the figures that were promised. */
import type { TableCheck } from './check-table';

export interface Run {
  name: string;
  title: string;
  rows: number;
  wallMs: number;
  cpuMs: number;
  peakRssMb: number;
  serverPeakRssMb: number;
  /** Null when the command failed. */
  check: TableCheck | null;
  /** The last lines of a command that failed. */
  failure: string | null;
  /** What the command itself printed as JSON: the run report, or where a script's time went. */
  detail: unknown;
}

export interface Result {
  name: string;
  title: string;
  rows: number;
  /** The median over the repetitions; the others belong to the same run. */
  seconds: number;
  rowsPerSecond: number;
  cpuSeconds: number;
  peakRssMb: number;
  serverPeakRssMb: number;
  /** Time over the bare script's; null when that did not run. */
  ratio: number | null;
  outcome: string;
  exact: boolean;
}

export interface Figure {
  promise: string;
  found: string;
  reached: boolean;
}

/** The lines of the table, in the order in which competitors and sizes first ran. */
export function summarize(runs: readonly Run[]): Result[] {
  const keyOf = (run: Run): string => `${run.rows} ${run.name}`;
  const medians = [...new Set(runs.map(keyOf))].map((key) => {
    const repetitions = runs.filter((run) => keyOf(run) === key);
    const sorted = repetitions.toSorted((a, b) => a.wallMs - b.wallMs);
    // One failure or wrong table among the repetitions is what counts.
    const bad = repetitions.find(({ check }) => check === null || check.status === 'wrong');
    return bad ?? (sorted[Math.floor((sorted.length - 1) / 2)] as Run);
  });
  return medians.map((run) => {
    const bare = medians.find(({ name, rows }) => name === 'bare' && rows === run.rows);
    return {
      name: run.name,
      title: run.title,
      rows: run.rows,
      seconds: run.wallMs / 1000,
      rowsPerSecond: Math.round((run.rows / run.wallMs) * 1000),
      cpuSeconds: run.cpuMs / 1000,
      peakRssMb: Math.round(run.peakRssMb),
      serverPeakRssMb: Math.round(run.serverPeakRssMb),
      ratio: bare?.check ? run.wallMs / bare.wallMs : null,
      outcome: describe(run),
      exact: run.check?.status === 'exact',
    };
  });
}

function describe({ check, failure }: Run): string {
  if (check === null) return `failed: ${failure?.split('\n').at(-1) ?? ''}`;
  const { status, offRows, offMax, rows, quantity, revenue } = check;
  if (status === 'exact') return 'yes';
  if (status === 'rounded') return `no: ${offRows} totals off by up to ${offMax.toExponential(0)}`;
  return `WRONG: ${rows} rows, quantity ${quantity}, revenue ${revenue}`;
}

/** The table as Markdown, so that it reads the same on a terminal and in the docs. */
export function formatTable(results: readonly Result[]): string {
  const heads = ['', 'rows', 'seconds', 'rows/s', 'CPU s', 'peak RSS MB', 'server MB', '× bare', 'exact'];
  const lines = results.map((result) => [
    result.title,
    result.rows.toLocaleString('en'),
    result.seconds.toFixed(2),
    result.rowsPerSecond.toLocaleString('en'),
    result.cpuSeconds.toFixed(2),
    String(result.peakRssMb),
    result.serverPeakRssMb === 0 ? '' : String(result.serverPeakRssMb),
    result.ratio?.toFixed(2) ?? '',
    result.outcome,
  ]);
  const isText = (column: number): boolean => column === 0 || column === heads.length - 1;
  const widths = heads.map((head, i) => Math.max(3, ...[head, ...lines.map((l) => l[i] ?? '')].map(width)));
  const format = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (isText(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = widths.map((w, i) => (isText(i) ? '-'.repeat(w) : `${'-'.repeat(w - 1)}:`));
  return [format(heads), format(rule), ...lines.map(format)].join('\n');
}

const width = (text: string): number => text.length;

/** From here on time and memory are compared with the others': starting up no longer decides. */
const LARGE_ROWS = 10_000_000;
/** From here on rows per second must be flat. */
const SERIES_ROWS = 1_000_000;
/** A run of this size is only start-up: its time is subtracted to get the cost of a row. */
export const SMALL_ROWS = 10_000;
const RATIO_MAX = 1.5;
const RSS_MAX_MB = 700;
const SPREAD_MAX = 0.2;
const SMALL_MAX_S: Record<string, number> = { 'flexetl-embedded': 5, 'flexetl-server': 1.5 };

/** The promises that these results can be held to. */
export function judge(results: readonly Result[]): Figure[] {
  const ours = results.filter(({ name }) => name.startsWith('flexetl'));
  const figures = ours.flatMap((result) => [
    figure(`${label(result)}: exact`, result.outcome, result.exact),
    ...judgeSmall(result),
    ...judgeLarge(result, results),
  ]);
  const names = [...new Set(ours.map(({ name }) => name))];
  return [...figures, ...names.flatMap((name) => judgeSpread(ours.filter((result) => result.name === name)))];
}

function judgeSmall(result: Result): Figure[] {
  const maxS = SMALL_MAX_S[result.name];
  if (maxS === undefined || result.rows !== SMALL_ROWS) return [];
  return [
    figure(
      `${label(result)}: whole command at most ${maxS} s`,
      `${result.seconds.toFixed(2)} s`,
      result.seconds <= maxS,
    ),
  ];
}

function judgeLarge(result: Result, results: readonly Result[]): Figure[] {
  const { ratio, peakRssMb, seconds, rows } = result;
  if (rows < LARGE_ROWS) return [];
  const slower = results.filter((other) => other.rows === rows && /^(pandas|dask|dlt)$/.test(other.name));
  return [
    ...(ratio === null
      ? []
      : [
          figure(
            `${label(result)}: at most ${RATIO_MAX} × the bare script`,
            `${ratio.toFixed(2)} ×`,
            ratio <= RATIO_MAX,
          ),
        ]),
    figure(`${label(result)}: at most ${RSS_MAX_MB} MB`, `${peakRssMb} MB`, peakRssMb <= RSS_MAX_MB),
    ...slower.map((other) =>
      figure(
        `${label(result)}: faster than ${other.title}`,
        `${(other.seconds / seconds).toFixed(2)} × as fast`,
        seconds < other.seconds,
      ),
    ),
  ];
}

function judgeSpread(series: readonly Result[]): Figure[] {
  const large = series.filter(({ rows }) => rows >= SERIES_ROWS);
  const first = large[0];
  if (first === undefined || large.length < 2) return [];
  const sizes = large.map(({ rows }) => rows.toLocaleString('en')).join(', ');
  const promise = `${first.title}: rows/s within ${SPREAD_MAX * 100} % over ${sizes} rows`;
  const judgeFrom = (what: string, startRows: number, startSeconds: number): Figure => {
    const rates = large.map(({ rows, seconds }) => (rows - startRows) / (seconds - startSeconds));
    const spread = 1 - Math.min(...rates) / Math.max(...rates);
    return figure(`${promise}, ${what}`, `${(spread * 100).toFixed(0)} %`, spread <= SPREAD_MAX);
  };
  const small = series.find(({ rows }) => rows === SMALL_ROWS);
  const whole = judgeFrom('whole command', 0, 0);
  return small ? [whole, judgeFrom('start-up aside', small.rows, small.seconds)] : [whole];
}

function label({ title, rows }: Result): string {
  return `${title}, ${rows.toLocaleString('en')} rows`;
}

function figure(promise: string, found: string, reached: boolean): Figure {
  return { promise, found, reached };
}
