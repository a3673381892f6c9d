/** What the page says in sentences: the verdict first. */
import { count, many } from '../../../pipeline/markdown';
import { publishedRows, type ReportFile, type RunStatus, type TargetReport } from '../../../pipeline/report';

export type Tone = 'good' | 'warn' | 'bad' | 'none';

export interface Verdict {
  tone: Tone;
  /** One word or two. */
  state: string;
  headline: string;
  /** Further sentences. */
  text: readonly string[];
}

export const TONES: Readonly<Record<RunStatus, Tone>> = {
  succeeded: 'good',
  partial: 'warn',
  failed: 'bad',
  cancelled: 'none',
  running: 'none',
};

/** A share of a whole: `0.4 %`, never 0 % of something, nor 100 % of less than all. */
export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %';
  if (part === whole) return '100 %';
  const share = Math.min(99.9, (100 * part) / whole);
  return share < 0.1 ? '< 0.1 %' : `${share.toFixed(share < 10 || share > 99 ? 1 : 0)} %`;
}

export function verdictOf(report: ReportFile): Verdict {
  const { status } = report;
  const reasons = reasonsOf(report);
  switch (status) {
    case 'succeeded':
      return succeeded(report);
    case 'partial': {
      const done = report.targets.filter((target) => target.status === 'published').length;
      const headline = `${done} of ${many(report.targets.length, 'target')} ${done === 1 ? 'has its' : 'have their'} rows.`;
      return { tone: 'warn', state: 'Partial', headline, text: reasons };
    }
    case 'cancelled':
      return { tone: 'none', state: 'Cancelled', headline: 'Cancelled. Nothing was loaded.', text: [] };
    case 'running':
      return { tone: 'none', state: 'Running', headline: 'The run has not ended.', text: [] };
    case 'failed':
      return { tone: 'bad', state: 'Failed', headline: 'Nothing was loaded.', text: reasons };
  }
}

/** What has ended the run, and what to do. */
function reasonsOf({ error, rows }: ReportFile): string[] {
  if (!error) return [];
  const message =
    error.code === 'RECORDS_REJECTED'
      ? `${count(rows.rejected)} of ${many(rows.read, 'record')} ${rows.rejected === 1 ? 'does' : 'do'} not fit.`
      : error.message;
  const hint = error.hint?.replace(/^Nothing was loaded\. /, '');
  return [message, ...(hint === undefined ? [] : [hint])];
}

function succeeded({ rows, targets, checks, warnings }: ReportFile): Verdict {
  const warned = checks.filter(({ status }) => status === 'warned');
  const tone = warned.length + warnings.length + rows.quarantined > 0 ? 'warn' : 'good';
  const set = rows.quarantined > 0 ? ` ${count(rows.quarantined)} set aside.` : '';
  return {
    tone,
    state: tone === 'good' ? 'Succeeded' : 'Succeeded, with remarks',
    headline: `${loadedWords(targets)}${set}`,
    text: [
      rows.read === 0
        ? 'There was nothing to read.'
        : `All ${count(rows.read)} rows that were read are accounted for.`,
      ...(warned.length === 0 ? [] : [`${many(warned.length, 'check')} with a warning.`]),
    ],
  };
}

function loadedWords(targets: readonly TargetReport[]): string {
  const [first, ...others] = targets;
  if (!first) return 'Done.';
  if (targets.every(({ already }) => already)) return 'These rows had been loaded before.';
  const words = many(publishedRows(first), 'row');
  return others.length === 0 ? `${words} loaded.` : `${words} loaded into each of ${targets.length} targets.`;
}
