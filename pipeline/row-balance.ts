/** The row balance: every row that was read is accounted for, or the run fails. */
import { FlexetlError } from './errors';
import type { RowCounts, TargetReport, TransformReport } from './report';
import type { RowFate } from '../plugin/transform';

/** The counted rows of a transform, and the fate of those that it removed. */
export interface StepCount extends TransformReport {
  fate: RowFate | null;
}

/**
 * Counts the fates of source rows from the counts of the steps. After the first aggregation, rows are groups: later
 * steps are not counted as fates.
 */
export function bookRows(
  read: number,
  failing: number | { rejected: number; quarantined: number },
  steps: readonly StepCount[],
  output: number,
): RowCounts {
  const rows: RowCounts = {
    read,
    ...(typeof failing === 'number' ? { rejected: failing, quarantined: 0 } : failing),
    dropped: 0,
    filtered: 0,
    deduplicated: 0,
    aggregated: 0,
    output,
  };
  for (const step of steps) {
    if (step.fate === null) continue;
    if (step.fate === 'aggregated') {
      rows.aggregated = step.rows_in;
      break;
    }
    rows[step.fate] += step.rows_in - step.rows_out;
  }
  return rows;
}

/** The counts of the same steps over more parts. @param sum empty at first */
export function addSteps(sum: readonly StepCount[], counts: readonly StepCount[]): StepCount[] {
  return counts.map((count, index) => ({
    ...count,
    rows_in: count.rows_in + (sum[index]?.rows_in ?? 0),
    rows_out: count.rows_out + (sum[index]?.rows_out ?? 0),
  }));
}

/**
 * Everything that does not add up, as sentences; empty when the rows add up.
 * read = rejected + quarantined + dropped + filtered + deduplicated + aggregated (+ output when nothing aggregates).
 */
export function findImbalances(
  rows: RowCounts,
  steps: readonly StepCount[],
  targets: readonly Pick<TargetReport, 'name' | 'rows_loaded' | 'status' | 'already'>[],
): string[] {
  const found: string[] = [];
  const aggregates = steps.some((step) => step.fate === 'aggregated');
  const kept = aggregates ? rows.aggregated : rows.output;
  const sum = rows.rejected + rows.quarantined + rows.dropped + rows.filtered + rows.deduplicated + kept;
  if (rows.read !== sum) {
    found.push(
      `rows read ${rows.read}, but rejected + quarantined + dropped + filtered + deduplicated + ${aggregates ? 'aggregated' : 'output'} = ${sum}`,
    );
  }
  let flow = rows.read - rows.rejected - rows.quarantined;
  for (const [index, step] of steps.entries()) {
    if (step.rows_in !== flow)
      found.push(`transform ${index + 1} (${step.type}) read ${step.rows_in} rows, expected ${flow}`);
    if (step.fate === null && step.rows_in !== step.rows_out) {
      found.push(`transform ${index + 1} (${step.type}) turned ${step.rows_in} rows into ${step.rows_out}`);
    }
    flow = step.rows_out;
  }
  if (flow !== rows.output) found.push(`the last step wrote ${flow} rows, the output has ${rows.output}`);
  // A run whose targets all have the rows already reads nothing.
  const isDone = targets.every(({ already }) => already !== undefined);
  for (const { name, status, rows_loaded, already } of isDone ? [] : targets) {
    const held = already?.rows ?? rows_loaded;
    if (status !== 'failed' && held !== rows.output)
      found.push(`output ${rows.output} rows, loaded ${held} into ${name}`);
  }
  return found;
}

/** @throws FlexetlError ROWS_UNBALANCED with both sides of every imbalance */
export function assertBalanced(...ledger: Parameters<typeof findImbalances>): void {
  const found = findImbalances(...ledger);
  if (found.length === 0) return;
  throw new FlexetlError('ROWS_UNBALANCED', {
    message: `The row balance does not add up: ${found.join('; ')}.`,
    hint: 'Nothing was published. This is a defect of FlexETL or of a plugin: please report it with the run report.',
  });
}
