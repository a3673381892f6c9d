import { FlexetlError } from '../errors';
import type { StepCount } from '../row-balance';
import type { PlannedStep } from './plan';

/**
 * The rows into and out of each step.
 * @param counted rows by boundary (see `BoundaryCount`), in any order; the same boundary may be counted several times
 * @param outputRows the number of rows written to the output
 * @throws FlexetlError ROWS_UNBALANCED when two counts of a boundary differ
 */
export function tallySteps(
  planned: readonly PlannedStep[],
  counted: Iterable<{ boundary: number; rows: number }>,
  outputRows: number,
): StepCount[] {
  const rows = new Map<number, number>();
  for (const count of [...counted, { boundary: planned.length, rows: outputRows }]) {
    const before = rows.get(count.boundary);
    if (before !== undefined && before !== count.rows) {
      throw new FlexetlError('ROWS_UNBALANCED', {
        message: `${describe(planned, count.boundary)}: counted ${before} rows, then ${count.rows} rows.`,
        hint: 'Nothing was published. This is a defect of FlexETL or of a plugin: please report it with the run report.',
      });
    }
    rows.set(count.boundary, count.rows);
  }
  const at = (boundary: number): number => {
    const found = rows.get(boundary);
    if (found !== undefined) return found;
    throw new FlexetlError('INTERNAL', {
      message: `${describe(planned, boundary)}: the rows were not counted.`,
    });
  };
  return planned.map(({ index, type, plan }) => ({
    type,
    rows_in: at(index),
    rows_out: at(index + 1),
    fate: plan.removes ?? null,
  }));
}

function describe(planned: readonly PlannedStep[], boundary: number): string {
  const step = planned[boundary];
  return step ? `Before transformation ${boundary + 1} (${step.type})` : 'After the last transformation';
}
