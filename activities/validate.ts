/**
 * Validate: the gate between what was read and what may be transformed and loaded.
 *
 * Records that do not fit fail the run with their places; and with the final types known, the transforms are
 * checked once more, so that a column that turned out to be text is an error before any work is done with it.
 */
import { FlexetlError, type Place } from '../pipeline/errors';
import type { Evidence } from '../pipeline/schema';
import { planTransforms } from '../pipeline/transforms/plan';
import type { RunRef } from '../runtime/staging';
import type { Deps } from '../engine/deps';
import { plannedSchema, readPlan } from '../engine/plan';
import { pluginsOf } from '../engine/resolve-config';
import { createStep, type StepResult } from './step';

export interface ValidateInput {
  run: RunRef;
  wider: Evidence;
  read: number;
  rejected: number;
  places: readonly Place[];
  becameText: Readonly<Record<string, Place>>;
}

export interface ValidateResult {
  checks: readonly { name: string; status: 'passed'; failing_rows: number }[];
}

export function createValidate(deps: Deps): (input: ValidateInput) => Promise<StepResult<ValidateResult>> {
  return createStep(deps, 'validate', async (input: ValidateInput, tools) => {
    if (input.rejected > 0) throw recordsRejected(input);
    const plan = await readPlan(tools.staging);
    try {
      planTransforms(
        plan.config.transformations,
        plannedSchema(plan, input.wider),
        pluginsOf(deps, plan.config).transforms,
      );
    } catch (error) {
      throw explainText(error, input.becameText);
    }
    return { checks: [{ name: 'column_types', status: 'passed' as const, failing_rows: 0 }] };
  });
}

function recordsRejected(input: ValidateInput): FlexetlError {
  const shown = input.places.length < input.rejected ? `, the first ${input.places.length} are shown` : '';
  return new FlexetlError('RECORDS_REJECTED', {
    message: `${input.rejected} of ${input.read} records ${input.rejected === 1 ? 'does' : 'do'} not fit${shown}.`,
    hint: 'Nothing was loaded. Mend the source, or declare the column with a type that fits (validation.schema).',
    places: input.places,
  });
}

/** Adds the line that made a column text to the error of an expression that wanted a number. */
function explainText(error: unknown, becameText: ValidateInput['becameText']): unknown {
  const places = Object.values(becameText);
  if (!(error instanceof FlexetlError) || places.length === 0) return error;
  const columns = Object.keys(becameText)
    .map((name) => `"${name}"`)
    .join(', ');
  return new FlexetlError(error.code, {
    message: `${error.message} The values of ${columns} made it text.`,
    hint: 'Declare the column in validation.schema to have such records refused, or cast it.',
    places,
    cause: error,
  });
}
