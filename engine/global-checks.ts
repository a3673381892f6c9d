/**
 * Checks that need all rows of the input at once: SQL over the good rows of all parts, run once in validate. DuckDB does
 * it out of core, in the scratch folder of the run.
 */
import { join } from 'node:path';
import type { NamedGlobalCheck } from '../pipeline/checks/dataset-check';
import { callPlugin } from '../pipeline/plugin-failure';
import { emptySql } from '../pipeline/transforms/transform-sql';
import type { CheckTables, CheckVerdict } from '../plugin/check';
import { withDuckdb, withProgress, type Duckdb } from '../runtime/duckdb';
import type { RunRef, RunStaging } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { findEarlierKeys, keysName, type EarlierKeys } from './earlier-keys';
import { stageInputVerdicts, type FailingCheck } from './input-verdicts';
import type { Kept } from './kept-states';
import { rowsSql } from './parts';
import { sessionOptions, type RunPlan } from './plan';
import { explainSqlError, ownPlugins } from './plugin-sql';
import { readReference } from './read-reference';
import { wholeParts } from './whole-parts';

/** The good rows of the input, in the session of the checks. */
const ROWS = '_flexetl_rows';

export interface GlobalVerdicts {
  /** One for each check. */
  verdicts: CheckVerdict[];
  /** What is kept of this run, by the digest of what a check keeps. */
  states: Record<string, true>;
  warnings: string[];
}

/** @param kept of earlier runs */
export async function judgeGlobals(
  deps: Deps,
  run: RunRef,
  checks: readonly NamedGlobalCheck[],
  kept: Kept,
  context: StepContext,
): Promise<GlobalVerdicts> {
  const result: GlobalVerdicts = { verdicts: [], states: {}, warnings: [] };
  if (checks.length === 0) return result;
  const { plan, schema, parts } = await wholeParts(deps, run, context, { partition: null, read: true });
  const failing: FailingCheck[] = [];
  const references: CheckTables['references'][] = [];
  const keys: (EarlierKeys | undefined)[] = [];
  for (const [index, check] of checks.entries()) {
    references.push(await readReferences(deps, plan, check, `reference-${index}`, context));
    keys.push(await findEarlierKeys(deps, run, check, kept));
  }
  const reads = keys.flatMap((one) => one?.paths ?? []);
  return withDuckdb({ ...sessionOptions(plan.config, context), reads }, async (db) => {
    await db.run(`CREATE VIEW ${ROWS} AS ${rowsSql(parts, schema) ?? emptySql(schema)}`);
    for (const [index, check] of checks.entries()) {
      const rows = check.where === undefined ? ROWS : `(SELECT * FROM ${ROWS} WHERE ${check.where.sql})`;
      const earlier = keys[index];
      const tables = { rows, references: references[index] ?? {}, earlier: earlier?.sql };
      const verdict = await withProgress(db, context.progress, () => judgeGlobal(db, check, tables));
      result.verdicts.push(verdict);
      if (verdict.failing_rows > 0 && check.failing) failing.push({ check, tables });
      if (!earlier) continue;
      await keepKeys(db, run, check, rows, earlier.store, context);
      Object.assign(result.states, { [check.keptAs ?? '']: true });
      result.warnings.push(...earlier.missing.map((runKey) => explainMissing(check, runKey)));
    }
    await withProgress(db, context.progress, () =>
      stageInputVerdicts(deps, plan, db, failing, parts, context),
    );
    return result;
  }).catch((error: unknown) => {
    throw explainSqlError(error, ownPlugins(deps, plan.config).checks);
  });
}

async function judgeGlobal(db: Duckdb, check: NamedGlobalCheck, tables: CheckTables): Promise<CheckVerdict> {
  const where = `The check ${check.rule}`;
  const query = callPlugin(where, () => check.measure(tables));
  const measured = await db.one(`SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (${query})`);
  return callPlugin(where, () => check.verdict(measured as Record<string, string | null>));
}

function explainMissing({ rule }: NamedGlobalCheck, runKey: string): string {
  return `${rule}: the keys of run ${runKey} are gone from the staging store, its rows were not compared.`;
}

/** The keys of this run, for later ones. They count when a target says that it is published. */
async function keepKeys(
  db: Duckdb,
  run: RunRef,
  check: NamedGlobalCheck,
  rows: string,
  store: RunStaging,
  { scratchDir }: StepContext,
): Promise<void> {
  const file = join(scratchDir, 'keys.parquet');
  await db.copy(`SELECT DISTINCT ${check.keeps?.key} AS key FROM ${rows}`, file);
  await store.commit(keysName(run.runKey), { runKey: run.runKey }, file);
}

async function readReferences(
  deps: Deps,
  plan: RunPlan,
  { references = {} }: NamedGlobalCheck,
  folder: string,
  context: StepContext,
): Promise<CheckTables['references']> {
  const found: Record<string, CheckTables['references'][string]> = {};
  for (const [name, reference] of Object.entries(references))
    found[name] = await readReference(deps, plan.config, reference, `${folder}-${name}`, context);
  return found;
}
