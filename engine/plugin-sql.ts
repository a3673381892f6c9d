/** The SQL of a user's own transforms and checks: tried without rows before the source is read, and named when it fails. */
import { RECORD_COLUMN } from '../pipeline/columns';
import type { PipelineConfig } from '../pipeline/config/schema';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { callPlugin, pluginFailure } from '../pipeline/plugin-failure';
import { ident, sqlType } from '../pipeline/sql';
import type { PlannedStep } from '../pipeline/transforms/plan';
import type { Schema } from '../pipeline/types';
import { withDuckdb, type Duckdb } from '../runtime/duckdb';
import type { StepContext } from './context';
import type { Deps } from './deps';
import type { ExtractColumns } from './extract/columns';
import { sessionOptions } from './plan';

/** The transforms and checks of a pipeline that come from its own modules, as messages name them. */
export function ownPlugins(
  { plugins }: Pick<Deps, 'plugins'>,
  { transformations, validation }: PipelineConfig,
): { transforms: string[]; checks: string[] } {
  const isOwn = (known: readonly { type: string }[], type: string): boolean =>
    !known.some((one) => one.type === type);
  return {
    transforms: transformations.flatMap(({ type }, index) =>
      isOwn(plugins.transforms, type) ? `transformations.${index}: ${type}` : [],
    ),
    checks: validation.quality_checks.flatMap(({ type }, index) =>
      isOwn(plugins.checks, type) ? `validation.quality_checks.${index}: ${type}` : [],
    ),
  };
}

/**
 * Lets DuckDB look at the SQL of the user's own plugins.
 * @param schema the columns before the first step
 * @throws FlexetlError PLUGIN_FAILED
 */
export async function assertPluginSql(
  deps: Deps,
  config: PipelineConfig,
  schema: Schema,
  steps: readonly PlannedStep[],
  { checked, checks }: Pick<ExtractColumns, 'checked' | 'checks'>,
  context: StepContext,
): Promise<void> {
  const own = ownPlugins(deps, config);
  if (own.transforms.length + own.checks.length === 0) return;
  await withDuckdb(sessionOptions(config, context), async (db) => {
    let before = schema;
    for (const step of steps) {
      const where = `transformations.${step.index}: ${step.type}`;
      if (own.transforms.includes(where)) await tryStep(db, where, step, before);
      before = step.plan.schema;
    }
    await db.run(`CREATE TABLE _flexetl_typed (${columnsSql(checked)})`);
    const measures = checks.datasets.map(({ rule, measure }) => ({ rule, terms: Object.values(measure) }));
    for (const { rule, terms } of [
      ...measures,
      ...checks.rows.map(({ rule, fails }) => ({ rule, terms: [fails] })),
    ]) {
      const where = own.checks.find((name) => name.endsWith(`: ${rule}`));
      if (where !== undefined) await describe(db, where, `SELECT ${terms.join(', ')} FROM _flexetl_typed`);
    }
  });
}

async function tryStep(
  db: Duckdb,
  where: string,
  { index, plan }: PlannedStep,
  before: Schema,
): Promise<void> {
  const table = ident(`_flexetl_rows_${index}`);
  const record = `${ident(RECORD_COLUMN)} BIGINT`;
  await db.run(`CREATE TABLE ${table} (${[columnsSql(before), record].filter(Boolean).join(', ')})`);
  const names = new Set(before.map(({ name }) => name));
  const found = new Set(
    await describe(
      db,
      where,
      callPlugin(where, () => plan.select(table, names)),
    ),
  );
  const missing = plan.schema.find(({ name }) => !found.has(name));
  if (missing) throw pluginFailure(where, `its SELECT lacks the column "${missing.name}" of its schema.`);
}

function columnsSql(schema: Schema): string {
  return schema.map(({ name, type }) => `${ident(name)} ${sqlType(type)}`).join(', ');
}

/** The columns of a query, which is not run. */
async function describe(db: Duckdb, where: string, sql: string): Promise<string[]> {
  const rows = await db.all(`SELECT column_name FROM (DESCRIBE ${sql})`).catch((error: unknown) => {
    throw explainSqlError(error, [where]);
  });
  return rows.map((row) => String(row['column_name']));
}

/**
 * PLUGIN_FAILED in place of an error of DuckDB that the SQL of a user's own plugins can have caused.
 * @param own their names; the SQL of others does not fail so
 */
export function explainSqlError(error: unknown, own: readonly string[]): unknown {
  const message = messageOf(error);
  if (error instanceof FlexetlError || own.length === 0 || !SQL_ERROR.test(message)) return error;
  // DuckDB's messages quote values of rows, but for errors of names.
  const isSafe = /^(Binder|Catalog|Parser) Error/.test(message);
  return pluginFailure(own.join(' or '), isSafe ? message : message.replaceAll(/(['"]).*?\1/g, '…'), error);
}

const SQL_ERROR = /^[A-Z][A-Za-z ]+ Error: /;
