/**
 * Load: rows of one output part into the staging area of one target, with their ledger row.
 *
 * Any attempt may be killed at any moment: the target commits rows and ledger row together, and an attempt
 * that finds its ledger row there writes nothing.
 */
import { literal, ident } from '../pipeline/sql';
import { arrowBatches } from '../runtime/arrow';
import { withDuckdb } from '../runtime/duckdb';
import type { RunRef } from '../runtime/staging';
import type { Deps } from '../engine/deps';
import { loadKey, OUTPUT_FILE, readPlan, sessionOptions, targetOf, type OutputPlan } from '../engine/plan';
import { createStep, type StepResult } from './step';

export interface LoadInput {
  run: RunRef;
  /** Index in the pipeline file's list of targets. */
  target: number;
  /** Number of this load within (run, target): the `part` of its ledger row. */
  part: number;
  /** The staged part that holds the rows, and which of them: [firstRow, firstRow + rows). */
  outputPart: number;
  firstRow: number;
  rows: number;
}

export interface LoadResult {
  rows: number;
}

export function createLoad(deps: Deps): (input: LoadInput) => Promise<StepResult<LoadResult>> {
  return createStep(deps, 'load', async (input: LoadInput, tools) => {
    const plan = await readPlan(tools.staging);
    const { schema } = await tools.staging.readJson<OutputPlan>(OUTPUT_FILE);
    const { target, options } = targetOf(deps, plan.config, input.target);
    const key = loadKey(deps, plan.config, input.run, input.target);
    const file = literal(tools.staging.outputPart(input.outputPart));
    const columns = schema.map((column) => ident(column.name)).join(', ');
    const sql =
      `SELECT ${columns} FROM read_parquet(${file}, file_row_number = true) ` +
      `WHERE file_row_number >= ${input.firstRow} AND file_row_number < ${input.firstRow + input.rows}`;
    return withDuckdb(sessionOptions(plan.config, tools), async (db) =>
      target.loadPart(options, key, input.part, schema, arrowBatches(db, sql, schema), {
        ...tools,
        progress: (rows) => tools.progress(rows / input.rows),
      }),
    );
  });
}
