/** The first rows as a run would load them, from the whole source where it is small, else from its head. */
import { REJECTED_COLUMN, RECORD_COLUMN } from '../pipeline/columns';
import { LIMITS } from '../pipeline/limits';
import { ident } from '../pipeline/sql';
import { stagedColumn, stageRowsSql, unstageTerms } from '../pipeline/stage-sql';
import { outputSchema, planTransforms } from '../pipeline/transforms/plan';
import { planTransformSql } from '../pipeline/transforms/transform-sql';
import type { OpenSource, SourceSurvey } from '../plugin/source';
import { withDuckdb, type Duckdb } from '../runtime/duckdb';
import { PLAN } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { extractColumns } from './extract/columns';
import { openSource } from './open-source';
import { sessionOptions, type RunPlan } from './plan';
import { extractAll } from './extract-all';
import { transformAll } from './rehearse';
import { pluginsOf } from './resolve-config';
import { nameStep, runStatements } from './transform';

export interface Preview {
  /** Names of the columns. */
  header: string[];
  /** Values as texts. */
  rows: (string | null)[][];
  /** Records that were read. */
  read: number;
  /** Those of them that a run would reject. */
  rejected: number;
  /** They are all records of the source. */
  complete: boolean;
}

export async function previewRows(
  deps: Deps,
  run: RunRef,
  plan: RunPlan,
  context: StepContext,
  rowsMax: number,
): Promise<Preview> {
  const { files } = plan.survey;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const isSmall = files.length > 0 && bytes <= LIMITS.previewBytesMax;
  return isSmall ? previewAll(deps, run, plan, context, rowsMax) : previewHead(deps, plan, context, rowsMax);
}

async function previewAll(
  deps: Deps,
  run: RunRef,
  plan: RunPlan,
  context: StepContext,
  rowsMax: number,
): Promise<Preview> {
  await context.staging.commit(PLAN, plan);
  const parts = await extractAll(deps, run, context);
  const { schema, rows } = await transformAll(deps, run, context, rowsMax);
  const rejected = parts.reduce((sum, part) => sum + part.rejected, 0);
  const read = parts.reduce((sum, part) => sum + part.rows, rejected);
  return { header: schema.map(({ name }) => name), rows, read, rejected, complete: true };
}

async function previewHead(
  deps: Deps,
  plan: RunPlan,
  context: StepContext,
  rowsMax: number,
): Promise<Preview> {
  const { config, survey } = plan;
  const plugins = pluginsOf(deps, config);
  const source = openSource(plugins, config.source, context);
  const { staged, checked, checks, rules } = extractColumns(
    plan,
    new Map(plan.evidence),
    source.rules,
    plugins.checks,
  );
  const steps = planTransforms(config.transformations, staged, plugins.transforms);
  return withDuckdb(sessionOptions(config, context), async (db) => {
    const { read, broken } = await readHead(source, survey, db);
    await db.run(`CREATE TABLE typed AS ${stageRowsSql('head', checked, staged, checks.rows, rules)}`);
    const { rejected } = await db.one(
      `SELECT (count(*) FILTER (${REJECTED_COLUMN}))::INT AS rejected FROM typed`,
    );
    const terms = [...unstageTerms(staged), `rowid AS ${ident(RECORD_COLUMN)}`];
    const rowsSql = `SELECT ${terms.join(', ')} FROM typed WHERE NOT ${REJECTED_COLUMN}`;
    const sql = planTransformSql(steps, { rows: rowsSql }, staged);
    await runStatements(db, sql.statements).catch((error: unknown) => {
      throw nameStep(error, steps, staged);
    });
    const header = outputSchema(steps, staged).map((column) => column.name);
    const columns = header.map((_, index) => stagedColumn(index));
    const texts = columns.map((column) => `CAST(${column} AS VARCHAR) AS ${column}`).join(', ');
    const found = await db.all(`SELECT ${texts} FROM (${sql.output}) LIMIT ${rowsMax}`);
    const rows = found.map((row) => columns.map((column) => (row[column] as string | null) ?? null));
    return { header, rows, read, rejected: broken + Number(rejected), complete: false };
  });
}

/** The head of the source as texts, in a table named `head`. @returns records read, and the broken ones among them */
async function readHead(
  source: OpenSource,
  survey: SourceSurvey,
  db: Duckdb,
): Promise<{ read: number; broken: number }> {
  const names = survey.columns.map((name) => `${ident(name)} VARCHAR`).join(', ');
  await db.run(`CREATE TABLE head (${names})`);
  const size = { wholeBytesMax: LIMITS.sampleBytes, cutBytes: LIMITS.sampleBytes };
  const partitions = await source.partitions(survey, size);
  const partition =
    'known' in partitions ? partitions.known[0] : (await source.land(survey, 0, partitions.first)).partition;
  if (!partition) return { read: 0, broken: 0 };
  const appender = await db.connection.createAppender('head');
  let read = 0;
  let broken = 0;
  for await (const { values } of source.records(survey, partition)) {
    read += 1;
    if (!values) broken += 1;
    for (const value of values ?? []) {
      if (value === null) appender.appendNull();
      else appender.appendVarchar(value);
    }
    if (values) appender.endRow();
    if (read >= LIMITS.sampleRecordsMax) break;
  }
  appender.closeSync();
  return { read, broken };
}
