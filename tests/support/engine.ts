/** The engine without Temporal: a project folder, and a pipeline's partitions staged as its steps would. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pino from 'pino';
import { withContext, type StepContext } from '../../engine/context';
import { createDeps, type Deps } from '../../engine/deps';
import type { ExtractResult } from '../../engine/extract/receipt';
import { extractAll as extractRun } from '../../engine/extract-all';
import { rowsSql } from '../../engine/parts';
import { sessionOptions, type RunPlan } from '../../engine/plan';
import { planRun } from '../../engine/plan-run';
import { wholeParts } from '../../engine/whole-parts';
import { checks } from '../../pipeline/checks/index';
import type { ColumnRules } from '../../pipeline/checks/column-rules';
import type { CheckSettings, OnFailure } from '../../pipeline/checks/policy';
import type { PipelineConfig, Plugins } from '../../pipeline/config/schema';
import { RECORD_COLUMN } from '../../pipeline/columns';
import { ident, literal } from '../../pipeline/sql';
import { transforms } from '../../pipeline/transforms/index';
import { formatType } from '../../pipeline/types';
import { withDuckdb } from '../../runtime/duckdb';
import { readSettings } from '../../runtime/settings';
import { PLAN, verdictsName } from '../../runtime/staging/parts';
import type { RunRef } from '../../runtime/staging/store';
import { csvOptions } from '../../sources/csv/options';
import { sources } from '../../sources/index';
import { makeFolder } from './folder';
import { textRows } from './rows';

export interface EngineInput {
  /** Text of the CSV file, or texts of several. */
  csv: string | Buffer | readonly (string | Buffer)[];
  options?: object;
  schema?: Record<string, { type?: string; nullable?: boolean } & ColumnRules & CheckSettings>;
  quality_checks?: { type: string; options: object; settings?: CheckSettings }[];
  on_failure?: OnFailure;
  /** Whether rejected records are quarantined. */
  queue?: boolean;
  transformations?: { type: string; options: object }[];
  /** Bytes of a partition; default: files as a whole. */
  cutBytes?: number;
}

export interface Staging {
  dir: string;
  deps: Deps;
  context: StepContext;
  plan: RunPlan;
  results: ExtractResult[];
  /** Name and type by column. */
  columns: string[];
  /** Good rows as texts, in order. */
  rows: (string | null)[][];
  /** All verdicts: `line:record column rule reason value`. */
  rejects: string[];
  /** The same whole, in the order of the source. */
  rejected: Reject[];
}

/** One failing check of a record, as its verdicts part has it. */
export interface Reject {
  file: string;
  line: number;
  record: number;
  byte_offset: number;
  column: string | null;
  rule: string;
  reason: string;
  value: string | null;
  raw: string;
  severity: string;
  fate: string;
}

const run = { project: 'test', pipeline: 'p', runKey: 'k' };

export function createTestDeps(dir = makeFolder(), plugins: Partial<Plugins> = {}, env = {}): Deps {
  const all = { sources, targets: [], transforms, checks, ...plugins } as Plugins;
  return createDeps(readSettings(env, dir), all, pino({ level: 'silent' }));
}

/** Stages all partitions, and calls `work` while the staging is there. */
export async function stageAll<T>(
  input: EngineInput,
  work: (staging: Staging) => Promise<T> | T,
  deps = createTestDeps(),
): Promise<T> {
  const dir = deps.settings.projectDir;
  const texts = Array.isArray(input.csv) ? (input.csv as (string | Buffer)[]) : [input.csv as string];
  texts.forEach((text, index) => {
    const file = join(dir, 'in', `${index}.csv`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  });
  return withContext(
    deps,
    run,
    { signal: new AbortController().signal, progress: () => undefined },
    async (context) => {
      const plan = await planRun(deps, configOf(input), context);
      await context.staging.commit(PLAN, cutInto(plan, input.cutBytes));
      const results = await extractAll(deps, context);
      return work({ dir, deps, context, results, ...(await readStaging(deps, context)) });
    },
  );
}

/** As the workflow does: partition by partition, and all once more as long as types become wider. */
export function extractAll(deps: Deps, context: StepContext, of: RunRef = run): Promise<ExtractResult[]> {
  return extractRun(deps, of, context);
}

function configOf(input: EngineInput) {
  const { options = {}, schema = {}, quality_checks = [], transformations = [], queue = false } = input;
  const columns = Object.entries(schema).map(([name, column]) => [name, { nullable: true, ...column }]);
  return {
    version: '1.0',
    name: 'p',
    plugins: [],
    source: { type: 'csv', options: csvOptions.parse({ path: 'in', ...options }) },
    transformations,
    validation: {
      schema: Object.fromEntries(columns),
      quality_checks,
      report: { html: true, profile: true },
      ...(input.on_failure && { on_failure: input.on_failure }),
    },
    fault_tolerance: {
      checkpoints: { enabled: true },
      dead_letter_queue: { enabled: queue, path: 'failed_records/' },
    },
    targets: [],
    scalability: { processing: { mode: 'standard' }, memory: { spill_to_disk: true } },
  } as unknown as PipelineConfig;
}

/** The plan with partitions of a size that no user can ask for. */
function cutInto(plan: RunPlan, cutBytes: number | undefined): RunPlan {
  const [first] = 'known' in plan.partitions ? plan.partitions.known : [];
  if (cutBytes === undefined || !first) return plan;
  const position = { file: 0, offset: first.start, wholeBytesMax: cutBytes, cutBytes };
  return { ...plan, partitions: { first: position } };
}

async function readStaging(
  deps: Deps,
  context: StepContext,
): Promise<Pick<Staging, 'plan' | 'columns' | 'rows' | 'rejects' | 'rejected'>> {
  const { staging } = context;
  const { plan, schema, parts } = await wholeParts(deps, run, context, { partition: null, read: true });
  const rejected: Reject[] = [];
  const rows = await withDuckdb(sessionOptions(plan.config, context), async (db) => {
    for (const { index } of parts) {
      const part = await staging.fetch(verdictsName(index));
      if (!part?.path) continue;
      const sql = `SELECT * REPLACE (line::INT AS line, record::INT AS record, byte_offset::INT AS byte_offset)
        FROM read_parquet(${literal(part.path)})`;
      rejected.push(...((await db.all(sql)) as unknown as Reject[]));
    }
    const names = schema.map(({ name }) => ident(name)).join(', ');
    const sql = rowsSql(parts, schema);
    if (sql === undefined) return [];
    return textRows(db, `SELECT ${names} FROM (${sql}) ORDER BY ${ident(RECORD_COLUMN)}`);
  });
  const rejects = rejected.map(({ line, record, column, rule, reason, value }) =>
    [`${line}:${record}`, column, rule, reason, value].filter((text) => text !== null).join(' '),
  );
  const columns = schema.map(({ name, type }) => `${name} ${formatType(type)}`);
  return { plan, columns, rows, rejects, rejected };
}
