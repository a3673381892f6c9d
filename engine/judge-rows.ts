/** What the verdicts of a run mean: the status of each check of rows, the records that are quarantined, or the error. */
import { hasRules } from '../pipeline/checks/column-rules';
import type { CompiledChecks } from '../pipeline/checks/compile';
import type { Condition } from '../pipeline/checks/dataset-check';
import { judge, type Judged } from '../pipeline/checks/policy';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import type { CheckReport, RunReport } from '../pipeline/report';
import type { StepContext } from './context';
import type { ExtractedPart } from './parts';
import type { RunPlan } from './plan';
import { findFailing, type VerdictPlace, type VerdictTotal } from './verdicts';

type OneCheck = Judged & { column: string | null; where?: Condition };

export interface JudgedRows {
  reports: readonly CheckReport[];
  /** Checks that fail the run. */
  failed: readonly OneCheck[];
  /** What is to be said of those of them that have a threshold. */
  limits: readonly string[];
  /** Records that are not loaded while the others are; absent if there are none. */
  deadLetter?: Pick<RunReport['dead_letter'], 'records' | 'by_rule'>;
  warnings: readonly string[];
}

/** @param totals of all verdicts of the parts */
export function judgeRows(
  { rows, broken, counted }: CompiledChecks,
  totals: readonly VerdictTotal[],
  parts: readonly ExtractedPart[],
): JudgedRows {
  const read = parts.reduce((sum, { receipt }) => sum + receipt.rows + receipt.rejected, 0);
  const found = new Map(totals.map((total) => [keyOf(total), total]));
  /** The rows that a check looks at. */
  const lookedAt = ({ where }: OneCheck): number => {
    const place = counted.findIndex(({ sql }) => sql === where?.sql);
    return place < 0 ? read : parts.reduce((sum, { receipt }) => sum + (receipt.counted[place] ?? 0), 0);
  };
  const reports: CheckReport[] = [];
  const failed: OneCheck[] = [];
  const limits: string[] = [];
  const warnings: string[] = [];
  const known = new Set<string>();
  for (const check of [...rows, { ...broken, column: null }]) {
    const total = found.get(keyOf(check));
    const isQuiet = total === undefined && QUIET.has(check.rule);
    if (isQuiet && (check.rule === broken.rule || known.has(check.rule))) continue;
    if (isQuiet) known.add(check.rule);
    const report = reportOf(isQuiet ? { ...check, column: null } : check, total, lookedAt(check));
    reports.push(report);
    if (report.status === 'failed') failed.push(check);
    if (report.status === 'failed' && report.threshold !== undefined)
      limits.push(explainLimit(report, lookedAt(check)));
    if (report.status === 'warned') warnings.push(warningOf(report, lookedAt(check)));
  }
  const rejected = parts.reduce((sum, { receipt }) => sum + receipt.rejected, 0);
  const deadLetter = rejected > 0 && { deadLetter: { records: rejected, by_rule: countByRule(totals) } };
  return { reports, failed, limits, warnings, ...deadLetter };
}

/** Checks that every column may have: those that nothing fails are reported as one. */
const QUIET: ReadonlySet<string> = new Set(['type', 'nullable', 'record']);

function keyOf({ rule, column }: Pick<VerdictTotal, 'rule' | 'column'>): string {
  return JSON.stringify([rule, column]);
}

function reportOf(check: OneCheck, total: VerdictTotal | undefined, read: number): CheckReport {
  const failing = total?.failing ?? 0;
  return {
    name: check.rule,
    ...(check.column !== null && { column: check.column }),
    severity: check.severity,
    status: judge(check, failing, read),
    failing_rows: failing,
    ...thresholdOf(check),
    ...(total && { examples: total.examples }),
  };
}

/** The threshold as a report has it: that of failing, or else that of warning. */
export function thresholdOf({ warnWhen, failWhen }: Judged): Pick<CheckReport, 'threshold'> {
  const threshold = failWhen ?? warnWhen;
  return threshold ? { threshold: threshold.text } : {};
}

function warningOf({ name, column, failing_rows, examples = [] }: CheckReport, read: number): string {
  const [first] = examples;
  const of = column === undefined ? '' : ` of column "${column}"`;
  const at = first ? `, the first at ${first.file}:${first.line}: ${first.reason}` : '';
  return `The check ${name}${of} warns: ${failing_rows} of ${read} records fail it${at}.`;
}

function countByRule(totals: readonly VerdictTotal[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { rule, quarantined } of totals)
    if (quarantined > 0) counts.set(rule, (counts.get(rule) ?? 0) + quarantined);
  const most = [...counts]
    .sort(([x, a], [y, b]) => b - a || (x < y ? -1 : 1))
    .slice(0, LIMITS.deadLetterRulesMax);
  return Object.fromEntries(most);
}

/** The error of checks that fail. @param files of verdicts */
export async function failureOf(
  plan: RunPlan,
  { failed, limits }: JudgedRows,
  files: readonly string[],
  parts: readonly ExtractedPart[],
  context: StepContext,
): Promise<FlexetlError> {
  const read = parts.reduce((sum, { receipt }) => sum + receipt.rows + receipt.rejected, 0);
  const { records, places: found } = await findFailing(plan, files, failed, context);
  const places = found.map(({ rule: _, ...place }) => place);
  const shownRecords = new Set(places.map(({ file, record }) => `${record} ${file}`)).size;
  const shown = shownRecords < records ? `, the first ${shownRecords} are shown` : '';
  if (limits.length === failed.length) {
    return new FlexetlError('CHECK_FAILED', {
      message: limits.join(' '),
      hint: 'Nothing was loaded. Fix the source, or change fail_when of the check in validation.',
      places,
    });
  }
  return new FlexetlError('RECORDS_REJECTED', {
    message: `${records} of ${read} records ${records === 1 ? 'does' : 'do'} not fit${shown}.`,
    hint: hintFor(found),
    places,
  });
}

function explainLimit({ name, column, failing_rows, threshold = '' }: CheckReport, rows: number): string {
  const of = column === undefined ? '' : ` of column "${column}"`;
  return `${name}${of}: ${failing_rows} of ${rows} records fail, which is ${threshold}.`;
}

/** What to do about rejects, by the rules that they fail. */
function hintFor(rejects: readonly VerdictPlace[]): string {
  const ways = new Set(['Fix the source', ...rejects.map(wayOut)]);
  return `Nothing was loaded. ${[...ways].join(', or ')}.`;
}

const ENCODING_WAY =
  'set the encoding of the source (often windows-1252; the program that wrote the file knows it, and the command file -i guesses it from such a line)';

/** A number such as 1,234 or 1.234,5 or 1 234. */
const GROUPED_NUMBER =
  /^[+-]?[0-9]{1,3}(([,' \u00a0\u202f][0-9]{3})+([.,][0-9]+)?|\.[0-9]{3}(\.[0-9]{3})*,[0-9]+)$/;

function wayOut({ rule, reason, value }: VerdictPlace): string {
  switch (rule) {
    case 'type':
      if (/^not a(n integer| decimal| number)$/.test(reason) && GROUPED_NUMBER.test(value ?? ''))
        return 'write its numbers without thousands separators, which are not read';
      return 'declare the column with a type that fits (validation.schema)';
    case 'nullable':
      return 'declare the column with nullable: true (validation.schema)';
    case 'record':
      return /UTF-|character/.test(reason) ? ENCODING_WAY : 'check delimiter and quote of the source';
    default:
      return hasRules({ [rule]: true })
        ? `change ${rule} of the column (validation.schema)`
        : `change the check ${rule} in validation.quality_checks`;
  }
}
