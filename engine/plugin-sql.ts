/** The SQL of a user's own transforms and checks: tried without rows before the source is read, and named when it fails. */
import { RECORD_COLUMN } from '../pipeline/columns';
import { findPlugin, type PipelineConfig, type PluginUse } from '../pipeline/config/schema';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { callPlugin, moduleOf, pluginFailure, pluginName } from '../pipeline/plugin-failure';
import { ident, sqlType } from '../pipeline/sql';
import type { PlannedStep } from '../pipeline/transforms/plan';
import type { Schema } from '../pipeline/types';
import { withDuckdb, type Duckdb } from '../runtime/duckdb';
import type { StepContext } from './context';
import type { Deps } from './deps';
import type { ExtractColumns } from './extract/columns';
import { sessionOptions } from './plan';
import { pluginsOf } from './resolve-config';

/** A use of a transform or check that comes from a module of the pipeline. */
interface OwnUse {
  type: string;
  /** Its place in the pipeline file's list. */
  index: number;
  /** For messages. */
  where: string;
}

/** The transforms and checks of a pipeline that come from its own modules. */
export function ownPlugins(deps: Deps, config: PipelineConfig): { transforms: OwnUse[]; checks: OwnUse[] } {
  const { transforms, checks } = pluginsOf(deps, config);
  const own = (uses: readonly PluginUse[], plugins: readonly { type: string }[], section: string): OwnUse[] =>
    uses.flatMap(({ type }, index) => {
      const plugin = findPlugin(plugins, type);
      return moduleOf(plugin) === undefined
        ? []
        : [{ type, index, where: `${section}.${index}: ${pluginName(plugin)}` }];
    });
  return {
    transforms: own(config.transformations, transforms, 'transformations'),
    checks: own(config.validation.quality_checks, checks, 'validation.quality_checks'),
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
      const use = own.transforms.find(({ index }) => index === step.index);
      if (use) await tryStep(db, use.where, step, before);
      before = step.plan.schema;
    }
    await db.run(`CREATE TABLE _flexetl_typed (${columnsSql(checked)})`);
    const measures = checks.datasets.map(({ rule, measure }) => ({ rule, terms: Object.values(measure) }));
    for (const { rule, terms } of [
      ...measures,
      ...checks.rows.map(({ rule, fails }) => ({ rule, terms: [fails] })),
    ]) {
      const use = own.checks.find(({ type }) => type === rule);
      if (use) await describe(db, use.where, `SELECT ${terms.join(', ')} FROM _flexetl_typed`);
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
    throw explainSqlError(error, [{ where }]);
  });
  return rows.map((row) => String(row['column_name']));
}

/**
 * PLUGIN_FAILED in place of an error of DuckDB that the SQL of a user's own plugins can have caused.
 * @param own their names; the SQL of others does not fail so
 */
export function explainSqlError(error: unknown, own: readonly Pick<OwnUse, 'where'>[]): unknown {
  const message = messageOf(error);
  if (error instanceof FlexetlError || own.length === 0 || !SQL_ERROR.test(message)) return error;
  // DuckDB's messages quote values of rows, but for errors of names.
  const isSafe = /^(Binder|Catalog|Parser) Error/.test(message);
  const names = own.map(({ where }) => where).join(' or ');
  return pluginFailure(names, isSafe ? message : message.replaceAll(/(['"]).*?\1/g, '…'), { cause: error });
}

const SQL_ERROR = /^[A-Z][A-Za-z ]+ Error: /;
