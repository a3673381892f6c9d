/** Runs a pipeline file through the engine, as the workflow does, without Temporal; and the cases in tests/cases. */
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withContext } from '../../engine/context';
import { closeReplayOf } from '../../engine/dead-letters/end-letters';
import { loadPart, publishTarget } from '../../engine/load';
import { countPartitions } from '../../engine/land';
import { readPlan } from '../../engine/plan';
import { prepareRun } from '../../engine/prepare';
import { transformPart } from '../../engine/transform';
import { validateRun } from '../../engine/validate';
import type { Plugins } from '../../pipeline/config/schema';
import type { ReplayRef } from '../../pipeline/dead-letter';
import { FlexetlError } from '../../pipeline/errors';
import { assertSmall } from '../../pipeline/payload';
import { assertBalanced } from '../../pipeline/row-balance';
import { openSqlite } from '../../targets/sqlite/binding';
import { targets } from '../../targets/index';
import {
  addCounts,
  addWarnings,
  createRunState,
  rowsOf,
  startLoads,
  type RunState,
} from '../../workflows/run-state';
import { createTestDeps, extractAll } from './engine';
import { makeFolder } from './folder';
import { readTable } from './project';

export interface RunOptions {
  /** `a.b=c`, as of --set. */
  overrides?: readonly string[];
  runKey?: string;
  /** As a run without a key: what another run has appended is not appended again. */
  once?: boolean;
  env?: Record<string, string>;
  /** Beside the targets of FlexETL, or instead of them. */
  plugins?: Partial<Plugins>;
  /** The run is a replay of a dead-letter queue. */
  replay?: ReplayRef;
  /** Called after each step; what it throws is as a kill at that moment: nothing is cleaned up. */
  after?: (step: 'prepare' | 'extract' | 'validate' | 'transform' | 'load' | 'publish') => void;
}

/**
 * Runs a pipeline file of a project folder to its end.
 * @returns what the workflow would know: prepare's answer in `plan`, counts, targets
 * @throws FlexetlError what ends the run
 */
export async function runPipeline(
  dir: string,
  file = 'pipeline.yaml',
  options: RunOptions = {},
): Promise<RunState> {
  const { overrides = [], runKey = `k${(keys += 1)}`, once = false, env = {}, plugins = {} } = options;
  const { replay, after = () => undefined } = options;
  const deps = createTestDeps(dir, { targets, ...plugins }, env);
  const text = readFileSync(join(dir, file), 'utf8');
  const name = /^ {2}name: *(\S+)/m.exec(text)?.[1] ?? '';
  const run = { project: 'test', pipeline: name, runKey };
  const world = { signal: new AbortController().signal, progress: () => undefined };
  return withContext(deps, run, world, async (context) => {
    const state = createRunState(name, runKey, Date.now());
    const plan = small(
      await prepareRun(deps, { run, once, text, file, overrides, ...(replay && { replay }) }, context),
    );
    state.plan = plan;
    addWarnings(state, plan.warnings);
    startLoads(state, state.plan);
    after('prepare');
    const end = async (): Promise<RunState> => {
      if (replay) await closeReplayOf(deps, replay);
      await context.staging.remove('');
      return state;
    };
    if (plan.targets.every(({ already }) => already !== undefined)) return end();
    for (const { rows, rejected } of small(await extractAll(deps, context, run))) {
      state.read += rows + rejected;
      state.rejected += rejected;
    }
    after('extract');
    const validated = small(await validateRun(deps, { run }, context));
    state.checks = validated.checks;
    addWarnings(state, validated.warnings ?? []);
    if (validated.deadLetter) state.deadLetter = validated.deadLetter;
    after('validate');
    const partitions = await countPartitions(deps, await readPlan(context.staging), context);
    const parts = plan.perPartition ? Math.max(1, partitions) : 1;
    for (let part = 0; part < parts; part += 1) {
      const partition = plan.perPartition && partitions > 0 ? part : null;
      const { rows, counts } = small(await transformPart(deps, { run, part, partition }, context));
      state.output += rows;
      addCounts(state, counts);
    }
    after('transform');
    const open = [...state.targets.entries()].filter(([, { status }]) => status === 'pending');
    for (const [target, report] of open)
      for (let part = 0; part < parts; part += 1)
        report.rows_loaded += (await loadPart(deps, { run, target, part }, context)).rows;
    assertBalanced(rowsOf(state), state.counts, state.targets);
    after('load');
    for (const [target, loaded] of open) {
      await publishTarget(deps, { run, target, rows: loaded.rows_loaded }, context);
      loaded.status = 'published';
    }
    after('publish');
    return end();
  });
}

let keys = 0;

/** The result of a step must fit into a payload of Temporal. */
function small<T>(result: T): T {
  assertSmall('a step', result);
  return result;
}

/** A copy of a folder of tests/cases. */
export interface Case {
  dir: string;
  /** Runs a pipeline file of it. */
  run(file?: string, options?: RunOptions): Promise<RunState>;
  /** The error that ends the run; fails when there is none. */
  refusal(file?: string, options?: RunOptions): Promise<FlexetlError>;
  /** Rows of a table as SQLite's texts, in the order in which they were written; undefined: no such table. */
  rows(table?: string, database?: string): (string | null)[][] | undefined;
  /** `setup.sql` into `database`, and other statements. */
  sql(database: string, statements: string): void;
}

/** @param name of a folder in tests/cases */
export function openCase(name: string, dir = makeFolder()): Case {
  const from = join(__dirname, '..', 'cases', name);
  cpSync(from, dir, { recursive: true });
  return {
    dir,
    run: (file, options) => runPipeline(dir, file, options),
    async refusal(file, options) {
      const found = await runPipeline(dir, file, options).catch((error: unknown) => error);
      if (found instanceof FlexetlError) return found;
      throw new Error(
        `No refusal, but ${found instanceof Error ? String(found.stack) : JSON.stringify(found)}`,
      );
    },
    rows(table = 't', database = existsSync(join(dir, 'out.db')) ? 'out.db' : 'out/result.db') {
      return readTable(join(dir, database), table);
    },
    sql(database, statements) {
      const db = openSqlite(join(dir, database));
      try {
        db.exec(statements);
      } finally {
        db.close();
      }
    },
  };
}
