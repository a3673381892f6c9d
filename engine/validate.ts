/**
 * Validate: decides whether the rows that were read may be transformed and loaded.
 *
 * Records that fail a check fail the run, with their places; dataset checks are decided over all parts; and with the
 * final types known, the transforms and targets are checked once more, before any work is done with them.
 */
import type { compileChecks } from '../pipeline/checks/compile';
import { FlexetlError, type Place } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import type { CheckReport } from '../pipeline/report';
import { readParquet } from '../pipeline/sql';
import { outputSchema, planTransforms } from '../pipeline/transforms/plan';
import { withDuckdb } from '../runtime/duckdb';
import { rejectsName } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { readEvidence, readTextPlaces, schemaOf } from './evidence';
import { extractColumns } from './extract/columns';
import type { ExtractReceipt } from './extract/receipt';
import { openSource } from './open-source';
import { checkTargets } from './load';
import { readParts, type ExtractedPart } from './parts';
import { countPartitions, readPlan, sessionOptions, type RunPlan } from './plan';
import { pluginsOf } from './resolve-config';

export interface ValidateInput {
  run: RunRef;
}

export interface ValidateResult {
  checks: readonly CheckReport[];
}

export async function validateRun(
  deps: Deps,
  _input: ValidateInput,
  context: StepContext,
): Promise<ValidateResult> {
  const { staging } = context;
  const plan = await readPlan(staging);
  const plugins = pluginsOf(deps, plan.config);
  const evidence = await readEvidence(plan, staging);
  const indexes = [...Array(await countPartitions(plan, staging)).keys()];
  const parts = await readParts(plan, evidence, indexes, staging);
  await assertNoRejects(plan, parts, context);
  const schema = schemaOf(plan, evidence);
  try {
    const steps = planTransforms(plan.config.transformations, schema, plugins.transforms);
    await checkTargets(deps, plan.config, outputSchema(steps, schema), context);
  } catch (error) {
    throw explainText(error, await readTextPlaces(staging));
  }
  const { rules } = openSource(plugins, plan.config.source, context);
  const { checks } = extractColumns(plan, evidence, rules, plugins.checks);
  const passed = [...new Set(checks.rows.map(({ rule }) => rule))].map((name): CheckReport => ({
    name,
    status: 'passed',
    failing_rows: 0,
  }));
  return { checks: [...passed, ...judgeDatasets(checks.datasets, parts)] };
}

/** @throws FlexetlError CHECK_FAILED naming every check that failed */
function judgeDatasets(
  checks: ReturnType<typeof compileChecks>['datasets'],
  parts: readonly ExtractedPart[],
): CheckReport[] {
  const verdicts = checks.map((check, index) => {
    const states = parts.map(({ receipt }: { receipt: ExtractReceipt }) => receipt.states[index]);
    const verdict = check.verdict(states.reduce((sum, state) => check.merge(sum, state), check.empty));
    return { rule: check.rule, ...verdict };
  });
  const failed = verdicts.filter(({ status }) => status === 'failed');
  if (failed.length > 0) {
    throw new FlexetlError('CHECK_FAILED', {
      message: failed.map(({ rule, message = 'failed' }) => `${rule}: ${message}.`).join(' '),
      hint: 'Nothing was loaded. Fix the source, or change the check in validation.quality_checks.',
    });
  }
  return verdicts.map(({ rule, status, failing_rows }) => ({ name: rule, status, failing_rows }));
}

/** @throws FlexetlError RECORDS_REJECTED with the first places */
async function assertNoRejects(
  plan: RunPlan,
  parts: readonly ExtractedPart[],
  context: StepContext,
): Promise<void> {
  const bad = parts.filter(({ receipt }) => receipt.rejected > 0);
  if (bad.length === 0) return;
  const rejected = bad.reduce((sum, { receipt }) => sum + receipt.rejected, 0);
  const read = parts.reduce((sum, { receipt }) => sum + receipt.rows + receipt.rejected, 0);
  const places = await readPlaces(plan, bad, context);
  const records = new Set(places.map(({ file, record }) => `${record} ${file}`)).size;
  const shown = records < rejected ? `, the first ${records} are shown` : '';
  throw new FlexetlError('RECORDS_REJECTED', {
    message: `${rejected} of ${read} records ${rejected === 1 ? 'does' : 'do'} not fit${shown}.`,
    hint: hintFor(places),
    places,
  });
}

/** A value has a column; a record that could not be read has none. */
function hintFor(places: readonly Place[]): string {
  const ways = ['Fix the source'];
  if (places.some(({ column }) => column !== null))
    ways.push('declare the column with a type that fits (validation.schema)');
  if (places.some(({ column }) => column === null))
    ways.push('check encoding, delimiter and quote of the source');
  return `Nothing was loaded. ${ways.join(', or ')}.`;
}

/** The first places in the order of the source, at most `LIMITS.placesMax`. */
async function readPlaces(
  plan: RunPlan,
  parts: readonly ExtractedPart[],
  context: StepContext,
): Promise<Place[]> {
  const places: Place[] = [];
  for (const { index } of parts) {
    const room = LIMITS.placesMax - places.length;
    if (room <= 0) break;
    const part = await context.staging.fetch(rejectsName(index));
    if (!part?.path) continue;
    const sql = `SELECT file, line::INT AS line, record::INT AS record, "column", "value", reason
      FROM ${readParquet(part.path)} LIMIT ${room}`;
    const rows = await withDuckdb(sessionOptions(plan.config, context), (db) => db.all(sql));
    places.push(...(rows as unknown as Place[]));
  }
  return places;
}

/** Adds, to an error about types, the places of the values that made a column a string. */
function explainText(error: unknown, places: readonly Place[]): unknown {
  if (!(error instanceof FlexetlError) || places.length === 0) return error;
  const columns = places.map(({ column }) => `"${column}"`).join(', ');
  return new FlexetlError(error.code, {
    message: `${error.message} The values of ${columns} made it text.`,
    hint: 'Declare the column in validation.schema to have such records rejected, or cast it.',
    places,
    cause: error,
  });
}
