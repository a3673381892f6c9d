/** From the steps of a pipeline file to their plans. */
import type { Transform, TransformPlan } from '../../plugin/transform';
import { assertColumnNames } from '../columns';
import { findPlugin, type PluginUse } from '../config/schema';
import { FlexetlError } from '../errors';
import { callPlugin, pluginName } from '../plugin-failure';
import type { Schema } from '../types';

export interface PlannedStep {
  index: number;
  type: string;
  plan: TransformPlan;
}

/**
 * Plans the steps, each with the columns after the step before.
 * @param steps as the pipeline file has them, options checked and complete
 * @param transforms all transforms
 * @throws FlexetlError EXPRESSION_INVALID, SCHEMA_MISMATCH, CONFIG_INVALID, PLUGIN_UNKNOWN
 */
export function planTransforms(
  steps: readonly PluginUse[],
  schema: Schema,
  transforms: readonly Transform<unknown>[],
): PlannedStep[] {
  assertColumnNames(
    schema.map(({ name }) => name),
    'source',
  );
  let before = schema;
  return steps.map(({ type, options }, index) => {
    const transform = inStep(index, () => findPlugin(transforms, type));
    const call = () => inStep(index, () => transform.plan(options, before));
    const plan = callPlugin(`transformations.${index}: ${pluginName(transform)}`, call);
    before = plan.schema;
    return { index, type, plan };
  });
}

/**
 * The source columns that the steps or the output use.
 * @param source all columns of the source: without steps all of them are output
 * @param outputs the wanted columns of the output; default all
 * @returns at least one: a Parquet file needs a column
 */
export function columnsNeeded(
  planned: readonly PlannedStep[],
  source: Iterable<string>,
  outputs?: Iterable<string>,
): ReadonlySet<string> {
  const names = [...source];
  const [needed = new Set<string>()] = neededAtBoundaries(
    planned,
    outputs ?? planned.at(-1)?.plan.schema.map(({ name }) => name) ?? names,
  );
  const [first] = names;
  return needed.size === 0 && first !== undefined ? new Set([first]) : needed;
}

/** The columns after all steps. */
export function outputSchema(planned: readonly PlannedStep[], source: Schema): Schema {
  return planned.at(-1)?.plan.schema ?? source;
}

/** True when parts can be transformed one by one. */
export function isRowWise(planned: readonly PlannedStep[]): boolean {
  return planned.every(({ plan }) => plan.scope === 'row');
}

/** `needed[k]`: the columns that must exist before step k. */
export function neededAtBoundaries(
  planned: readonly PlannedStep[],
  outputs: Iterable<string>,
): ReadonlySet<string>[] {
  const needed: ReadonlySet<string>[] = [new Set(outputs)];
  for (const { plan } of [...planned].reverse()) needed.unshift(plan.columnsRead(needed[0] ?? new Set()));
  return needed;
}

/** Adds the number of the step to an error. */
function inStep<T>(index: number, plan: () => T): T {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof FlexetlError)) throw error;
    throw new FlexetlError(error.code, {
      message: `transformations.${index}: ${error.message}`,
      hint: error.hint,
      cause: error,
    });
  }
}
