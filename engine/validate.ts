/**
 * Validate: decides whether the rows that were read may be transformed and loaded.
 *
 * Records that fail a check fail the run, with their places; dataset checks are decided over all parts; and with the
 * final types known, the transforms and targets are checked once more, before any work is done with them.
 */
import type { compileChecks } from '../pipeline/checks/compile';
import { addDetails } from '../pipeline/error-details';
import { FlexetlError, type Place } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { callPlugin } from '../pipeline/plugin-failure';
import type { CheckReport, RunReport } from '../pipeline/report';
import { typedColumn, type Evidence } from '../pipeline/schema';
import { fitting } from '../pipeline/payload';
import { readParquet } from '../pipeline/sql';
import { outputSchema, planTransforms } from '../pipeline/transforms/plan';
import { formatType } from '../pipeline/types';
import { withDuckdb } from '../runtime/duckdb';
import { schemaDigest, TYPES } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { readEvidence, readTextPlaces } from './evidence';
import { extractColumns } from './extract/columns';
import type { ExtractReceipt } from './extract/receipt';
import { openSource } from './open-source';
import { checkTargets } from './load';
import type { ExtractedPart } from './parts';
import { sessionOptions, type RunPlan } from './plan';
import { pluginsOf } from './resolve-config';
import { wholeParts, wholeRejects, type TypesReceipt } from './whole-parts';

export interface ValidateInput {
  run: RunRef;
  /** Places of targets that are down: they are not asked. */
  without?: readonly number[];
}

export interface ValidateResult {
  checks: readonly CheckReport[];
  /** Of the source, with their final types; as many as `LIMITS.reportColumnsChars` has room for. */
  columns: RunReport['source']['columns'];
}

export async function validateRun(
  deps: Deps,
  { run, without = [] }: ValidateInput,
  context: StepContext,
): Promise<ValidateResult> {
  const { staging } = context;
  const { plan, schema, parts } = await wholeParts(deps, run, context, { partition: null, read: false });
  await staging.commit(TYPES, { types: schemaDigest(schema) } satisfies TypesReceipt);
  const plugins = pluginsOf(deps, plan.config);
  await assertNoRejects(deps, run, plan, parts, context);
  try {
    const steps = planTransforms(plan.config.transformations, schema, plugins.transforms);
    await checkTargets(deps, plan.config, outputSchema(steps, schema), without, context);
  } catch (error) {
    throw explainText(error, await readTextPlaces(staging));
  }
  const { rules } = openSource(plugins, plan.config.source, context);
  const evidence = await readEvidence(plan, staging);
  const { checks } = extractColumns(plan, evidence, rules, plugins.checks);
  const passed = [...new Set(checks.rows.map(({ rule }) => rule))].map((name): CheckReport => ({
    name,
    status: 'passed',
    failing_rows: 0,
  }));
  return {
    checks: judgeDatasets(checks.datasets, parts, passed),
    columns: describeColumns(plan, evidence),
  };
}

/** A source may have thousands of columns, and a result must be small. */
function describeColumns({ columns }: RunPlan, evidence: Evidence): { name: string; type: string }[] {
  const described = columns.map((column) => {
    const { name, type } = typedColumn(column, evidence);
    return { name, type: formatType(type) };
  });
  return fitting(described, LIMITS.reportColumnsChars);
}

/**
 * @param passed the results of the checks of rows
 * @returns those of all checks
 * @throws FlexetlError CHECK_FAILED naming every check that failed, with the results of all
 */
function judgeDatasets(
  checks: ReturnType<typeof compileChecks>['datasets'],
  parts: readonly ExtractedPart[],
  passed: readonly CheckReport[],
): CheckReport[] {
  const verdicts = checks.map((check, index) => {
    const states = parts.map(({ receipt }: { receipt: ExtractReceipt }) => receipt.states[index]);
    const verdict = callPlugin(`The check ${check.rule}`, () =>
      check.verdict(states.reduce((sum, state) => check.merge(sum, state), check.empty)),
    );
    return { rule: check.rule, columns: check.columns.slice(0, LIMITS.checkColumnsMax), ...verdict };
  });
  const failed = verdicts.filter(({ status }) => status === 'failed');
  const results = verdicts.map(({ rule, columns, status, failing_rows }) => ({
    name: rule,
    ...(columns.length > 0 && { columns }),
    status,
    failing_rows,
  }));
  const reports = [...passed, ...results];
  if (failed.length === 0) return reports;
  const error = new FlexetlError('CHECK_FAILED', {
    message: failed.map(({ rule, message = 'failed' }) => `${rule}: ${message}.`).join(' '),
    hint: 'Nothing was loaded. Fix the source, or change the check in validation.quality_checks.',
  });
  throw addDetails(error, { checks: reports });
}

/** @throws FlexetlError RECORDS_REJECTED with the first places */
async function assertNoRejects(
  deps: Deps,
  run: RunRef,
  plan: RunPlan,
  parts: readonly ExtractedPart[],
  context: StepContext,
): Promise<void> {
  const bad = parts.filter(({ receipt }) => receipt.rejected > 0);
  if (bad.length === 0) return;
  const rejected = bad.reduce((sum, { receipt }) => sum + receipt.rejected, 0);
  const read = parts.reduce((sum, { receipt }) => sum + receipt.rows + receipt.rejected, 0);
  const rejects = await readRejects(deps, run, plan, bad, context);
  const places = rejects.map(({ rule: _, ...place }) => place);
  const records = new Set(places.map(({ file, record }) => `${record} ${file}`)).size;
  const shown = records < rejected ? `, the first ${records} are shown` : '';
  throw new FlexetlError('RECORDS_REJECTED', {
    message: `${rejected} of ${read} records ${rejected === 1 ? 'does' : 'do'} not fit${shown}.`,
    hint: hintFor(rejects),
    places,
  });
}

/** A place with the rule that its record fails. */
interface RejectPlace extends Place {
  rule: string;
}

/** What to do about rejects, by the rules that they fail. */
function hintFor(rejects: readonly RejectPlace[]): string {
  const ways = new Set(['Fix the source', ...rejects.map(wayOut)]);
  return `Nothing was loaded. ${[...ways].join(', or ')}.`;
}

const ENCODING_WAY =
  'set the encoding of the source (often windows-1252; the program that wrote the file knows it, and the command file -i guesses it from such a line)';

/** A number such as 1,234 or 1.234,5 or 1 234. */
const GROUPED_NUMBER =
  /^[+-]?[0-9]{1,3}(([,' \u00a0\u202f][0-9]{3})+([.,][0-9]+)?|\.[0-9]{3}(\.[0-9]{3})*,[0-9]+)$/;

function wayOut({ rule, reason, value }: RejectPlace): string {
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
      return `change the check ${rule} in validation.quality_checks`;
  }
}

/** The first rejects in the order of the source, at most `LIMITS.placesMax`. */
async function readRejects(
  deps: Deps,
  run: RunRef,
  plan: RunPlan,
  parts: readonly ExtractedPart[],
  context: StepContext,
): Promise<RejectPlace[]> {
  const places: RejectPlace[] = [];
  for (const { index } of parts) {
    const room = LIMITS.placesMax - places.length;
    if (room <= 0) break;
    const path = await wholeRejects(deps, run, index, context);
    const sql = `SELECT file, line::INT AS line, record::INT AS record, "column", "value", reason, rule
      FROM ${readParquet(path)} LIMIT ${room}`;
    const rows = await withDuckdb(sessionOptions(plan.config, context), (db) => db.all(sql));
    places.push(...(rows as unknown as RejectPlace[]));
  }
  return places;
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
