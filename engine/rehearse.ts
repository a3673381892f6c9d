/** A whole run without Temporal and without targets, up to the rows that would be loaded: for tests of pipelines. */
import type { PipelineConfig } from '../pipeline/config/schema';
import { FlexetlError } from '../pipeline/errors';
import type { CheckReport, RowCounts } from '../pipeline/report';
import { addSteps, bookRows, type StepCount } from '../pipeline/row-balance';
import { readParquet } from '../pipeline/sql';
import { isRowWise, planTransforms } from '../pipeline/transforms/plan';
import type { Schema } from '../pipeline/types';
import { withDuckdb } from '../runtime/duckdb';
import { PLAN } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { extractAll } from './extract-all';
import { wholeOutput, wholeOutputPart } from './output';
import { sessionOptions } from './plan';
import { planRun } from './plan-run';
import { pluginsOf } from './resolve-config';
import { transformPart } from './transform';
import { validateRun } from './validate';
import { verdictFiles } from './verdicts';
import { wholeParts } from './whole-parts';

/** A failing check of a record; fields as in the rejects of a run. */
export interface RejectedRecord {
  file: string;
  line: number;
  record: number;
  column: string | null;
  rule: string;
  reason: string;
  value: string | null;
}

export interface Rehearsed {
  /** Of the output; empty when the run ended before. */
  schema: Schema;
  /** The output in order, values as texts. */
  rows: readonly (string | null)[][];
  counts: RowCounts;
  rejects: readonly RejectedRecord[];
  checks: readonly CheckReport[];
  /** What would end the run. */
  error?: FlexetlError;
}

/** @param config its targets are not looked at */
export async function rehearseRun(
  deps: Deps,
  run: RunRef,
  config: PipelineConfig,
  context: StepContext,
): Promise<Rehearsed> {
  const result: Rehearsed = { schema: [], rows: [], counts: bookRows(0, 0, [], 0), rejects: [], checks: [] };
  try {
    await context.staging.commit(PLAN, await planRun(deps, { ...config, targets: [] }, context));
    const parts = await extractAll(deps, run, context);
    const rejected = sum(parts.map((part) => part.rejected));
    const read = rejected + sum(parts.map(({ rows }) => rows));
    Object.assign(result, { counts: bookRows(read, rejected, [], 0) });
    if (rejected > 0) Object.assign(result, { rejects: await readRejects(deps, run, context) });
    const { checks, deadLetter } = await validateRun(deps, { run, rehearsal: true }, context);
    const { schema, rows, steps } = await transformAll(deps, run, context);
    const quarantined = deadLetter?.records ?? 0;
    const failing = { rejected: rejected - quarantined, quarantined };
    return { ...result, checks, schema, rows, counts: bookRows(read, failing, steps, rows.length) };
  } catch (error) {
    if (error instanceof FlexetlError) return { ...result, error };
    throw error;
  }
}

/** The output of all staged parts. @param rowsMax of the rows that are returned */
export async function transformAll(
  deps: Deps,
  run: RunRef,
  context: StepContext,
  rowsMax = Infinity,
): Promise<{ schema: Schema; rows: (string | null)[][]; steps: StepCount[] }> {
  const { plan, schema, parts } = await wholeParts(deps, run, context, { partition: null, read: false });
  const { transforms } = pluginsOf(deps, plan.config);
  const byPartition = isRowWise(planTransforms(plan.config.transformations, schema, transforms));
  const count = byPartition ? Math.max(1, parts.length) : 1;
  const rows: (string | null)[][] = [];
  let steps: StepCount[] = [];
  for (let part = 0; part < count && rows.length < rowsMax; part += 1) {
    const partition = byPartition && parts.length > 0 ? part : null;
    const { counts } = await transformPart(deps, { run, part, partition }, context);
    steps = addSteps(steps, counts);
    const { path } = await wholeOutputPart(deps, run, part, context);
    await withDuckdb(
      { ...sessionOptions(plan.config, context), ...(path && { reads: [path] }) },
      async (db) => {
        const limit = rowsMax === Infinity ? '' : ` LIMIT ${rowsMax - rows.length}`;
        const sql = `SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ${readParquet(path ?? '')}${limit}`;
        for await (const chunk of db.stream(sql)) rows.push(...(chunk.getRows() as (string | null)[][]));
      },
    );
  }
  return { schema: await wholeOutput(deps, run, context), rows, steps };
}

async function readRejects(deps: Deps, run: RunRef, context: StepContext): Promise<RejectedRecord[]> {
  const { plan, parts } = await wholeParts(deps, run, context, { partition: null, read: false });
  const reads = await verdictFiles(deps, run, parts, context);
  const columns = 'file, line::DOUBLE AS line, record::DOUBLE AS record, "column", rule, reason, "value"';
  return withDuckdb({ ...sessionOptions(plan.config, context), reads }, async (db) => {
    const rows = await db.all(`SELECT ${columns} FROM ${readParquet(reads)} WHERE fate = 'quarantined'`);
    return rows as unknown as RejectedRecord[];
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
