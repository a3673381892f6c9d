/** Where in the source the value is that ended a cast. */
import { FlexetlError } from '../pipeline/errors';
import { showValue } from '../pipeline/show-value';
import type { PlannedStep } from '../pipeline/transforms/plan';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { findPartition } from './land';
import { openSource } from './open-source';
import { partOfRecord } from './parts';
import type { RunPlan } from './plan';
import { pluginsOf } from './resolve-config';

/**
 * An error with the place of the record that it names.
 * @param steps after one that needs all rows, record numbers are not those of the source: there is then no place
 */
export async function withPlace(
  deps: Deps,
  plan: RunPlan,
  steps: readonly PlannedStep[],
  error: FlexetlError,
  context: StepContext,
): Promise<FlexetlError> {
  const global = steps.findIndex((step) => step.plan.scope === 'global');
  const isOfSource = global < 0 || !steps.slice(global).some(({ type }) => type === 'cast');
  if (error.code !== 'CAST_FAILED' || error.record === undefined || !isOfSource) return error;
  const { part, row } = partOfRecord(error.record);
  const partition = await findPartition(deps, plan, part, context);
  const source = openSource(pluginsOf(deps, plan.config), plan.config.source, context);
  const column = /^"(.*)" holds/.exec(error.message)?.[1] ?? null;
  for await (const record of source.records(plan.survey, partition, [row])) {
    // A rename may have given the column another name than the source has.
    const text = record.values?.[plan.survey.columns.indexOf(column ?? '')] ?? null;
    const place = {
      file: record.file ?? plan.survey.files[partition.file]?.path ?? '',
      line: record.line,
      record: record.record,
      column,
      value: showValue(column, text),
      reason: 'does not fit the type of the cast',
    };
    return new FlexetlError(error.code, {
      message: error.message,
      hint: 'Fix the source, filter such rows out before the cast, or cast to a type that fits.',
      places: [place],
      cause: error,
    });
  }
  return error;
}
