/**
 * Validate: decides whether the rows that were read may be transformed and loaded.
 *
 * Every check is decided over all parts: it passes, warns, or fails the run, and records that were rejected may be
 * quarantined while the others go on. With the final types known, the transforms and targets are checked once more, before any work is done with them.
 */
import { addDetails } from '../pipeline/error-details';
import { FlexetlError, type Place } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import type { CheckReport, RunReport } from '../pipeline/report';
import { typedColumn, type Evidence } from '../pipeline/schema';
import { fitting } from '../pipeline/payload';
import { outputSchema, planTransforms } from '../pipeline/transforms/plan';
import { formatType } from '../pipeline/types';
import { schemaDigest, TYPES } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { readEvidence, readTextPlaces } from './evidence';
import { extractColumns } from './extract/columns';
import { assertBudget } from './dead-letters/budget';
import { keepLetters } from './dead-letters/keep-letters';
import { judgeInput } from './judge-input';
import { failureOf, judgeRows } from './judge-rows';
import { openSource } from './open-source';
import { checkTargets } from './load';
import type { RunPlan } from './plan';
import { pluginsOf } from './resolve-config';
import { totalVerdicts, verdictFiles } from './verdicts';
import { wholeParts, type TypesReceipt } from './whole-parts';

export interface ValidateInput {
  run: RunRef;
  /** Places of targets that are down: they are not asked. */
  without?: readonly number[];
  /** Nothing will be published: records that are quarantined are counted, and not kept. */
  rehearsal?: boolean;
}

export interface ValidateResult {
  checks: readonly CheckReport[];
  /** Of the source, with their final types; as many as `LIMITS.reportColumnsChars` has room for. */
  columns: RunReport['source']['columns'];
  /** What checks that warn have found. */
  warnings?: readonly string[];
  /** Records that are quarantined; absent if there are none. */
  deadLetter?: RunReport['dead_letter'];
}

export async function validateRun(
  deps: Deps,
  { run, without = [], rehearsal = false }: ValidateInput,
  context: StepContext,
): Promise<ValidateResult> {
  const { staging } = context;
  const { plan, schema, parts } = await wholeParts(deps, run, context, { partition: null, read: false });
  await staging.commit(TYPES, { types: schemaDigest(schema) } satisfies TypesReceipt);
  const plugins = pluginsOf(deps, plan.config);
  const { rules } = openSource(plugins, plan.config.source, context);
  const evidence = await readEvidence(plan, staging);
  const { checks } = extractColumns(plan, evidence, rules, plugins.checks);
  const files = await verdictFiles(deps, run, parts, context);
  const judged = judgeRows(checks, await totalVerdicts(plan, files, context), parts);
  const { errors, reports, warnings, places } = await judgeInput(
    deps,
    run,
    { plan, checks, parts, without },
    context,
  );
  const all = smallReports([...judged.reports, ...reports]);
  assertBudget(plan, judged.deadLetter?.records ?? 0, parts);
  if (judged.failed.length > 0)
    throw addDetails(await failureOf(plan, judged, files, parts, context), { checks: all });
  try {
    const steps = planTransforms(plan.config.transformations, schema, plugins.transforms);
    await checkTargets(deps, plan.config, outputSchema(steps, schema), without, context);
  } catch (error) {
    throw explainText(error, await readTextPlaces(staging));
  }
  if (errors.length > 0) throw addDetails(checkFailed(errors, places), { checks: all });
  const { deadLetter } = judged;
  const extracted = { run, plan, schema, evidence, parts };
  const kept = rehearsal ? undefined : await keepLetters(deps, extracted, deadLetter, context);
  return {
    checks: all,
    columns: describeColumns(plan, evidence),
    warnings: [...judged.warnings, ...warnings, ...(kept?.warnings ?? [])].slice(0, LIMITS.warningsMax),
    ...(deadLetter && { deadLetter: { path: kept?.path ?? null, ...deadLetter } }),
  };
}

/** Where there are very many checks: those that pass are left out first, then examples. */
function smallReports(reports: readonly CheckReport[]): CheckReport[] {
  const size = (some: readonly CheckReport[]): number => JSON.stringify(some).length;
  if (size(reports) <= LIMITS.reportChecksChars) return [...reports];
  const rank = ['failed', 'warned', 'passed'];
  const sorted = [...reports].sort((a, b) => rank.indexOf(a.status) - rank.indexOf(b.status));
  return fitting(
    sorted.map(({ examples: _, ...report }) => report),
    LIMITS.reportChecksChars,
  );
}

/** A source may have thousands of columns, and a result must be small. */
function describeColumns({ columns }: RunPlan, evidence: Evidence): { name: string; type: string }[] {
  const described = columns.map((column) => {
    const { name, type } = typedColumn(column, evidence);
    return { name, type: formatType(type) };
  });
  return fitting(described, LIMITS.reportColumnsChars);
}

function checkFailed(errors: readonly string[], places: readonly Place[]): FlexetlError {
  return new FlexetlError('CHECK_FAILED', {
    message: errors.join(' '),
    places,
    hint: 'Nothing was loaded. Fix the source, or change the check in validation.quality_checks.',
  });
}

/** Adds, to an error about types, the places of the values that made the columns that it names a string. */
function explainText(error: unknown, becameText: readonly Place[]): unknown {
  if (!(error instanceof FlexetlError) || error.retryable) return error;
  if (becameText.length === 0) return error;
  const words = new Set(error.message.split(/[^\p{L}\p{N}_]+/u));
  const named = becameText.filter(
    ({ column }) => words.has(column ?? '') || error.message.includes(`"${column}"`),
  );
  // The step may know the column by another name.
  const places = (named.length > 0 ? named : becameText).slice(0, LIMITS.placesMax);
  const columns = places.map(({ column }) => `"${column}"`).join(', ');
  return new FlexetlError(error.code, {
    message: `${error.message} The values of ${columns} made it text.`,
    hint: 'Declare the column in validation.schema to have such records rejected, or cast it.',
    places,
    cause: error,
  });
}
