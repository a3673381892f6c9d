/** How many records of a run may fail. */
import { FlexetlError } from '../../pipeline/errors';
import type { ExtractedPart } from '../parts';
import type { RunPlan } from '../plan';

/**
 * @param failed records that would be quarantined
 * @throws FlexetlError RECORDS_REJECTED where they are more than `dead_letter_queue` allows
 */
export function assertBudget({ config }: RunPlan, failed: number, parts: readonly ExtractedPart[]): void {
  const { max_records, max_percentage } = config.fault_tolerance.dead_letter_queue;
  // They were in the budget of the run that they are of.
  if (failed === 0 || config.source.letters) return;
  const read = parts.reduce((sum, { receipt }) => sum + receipt.rows + receipt.rejected, 0);
  const isOver = (max_percentage !== undefined && failed * 100 > max_percentage * read) || undefined;
  const over =
    max_records !== undefined && failed > max_records
      ? `max_records: ${max_records}`
      : isOver && `max_percentage: ${max_percentage}`;
  if (over === undefined) return;
  throw new FlexetlError('RECORDS_REJECTED', {
    message: `${failed} of ${read} records fail, more than fault_tolerance.dead_letter_queue allows (${over}).`,
    hint: 'Nothing was loaded. Fix the source, or raise the limit.',
  });
}
