/** What the head of a source shows, read as a run would read it: the base of a pipeline file for it. */
import type { PipelineConfig } from '../pipeline/config/schema';
import { RECORD_COLUMN } from '../pipeline/columns';
import { LIMITS } from '../pipeline/limits';
import { ident } from '../pipeline/sql';
import type { Column, Schema } from '../pipeline/types';
import { withDuckdb, type Duckdb } from '../runtime/duckdb';
import { PLAN } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { extractPartition } from './extract/extract';
import { landPartition } from './land';
import { openSource } from './open-source';
import { rowsSql } from './parts';
import { sessionOptions, type RunPlan } from './plan';
import { pluginsOf } from './resolve-config';
import { wholeParts } from './whole-parts';

export interface Proposal {
  columns: readonly ProposedColumn[];
  /** Columns that identify a record, as far as was read; empty: none were found. */
  key: readonly string[];
  /** Good records that were read, and others. */
  records: number;
  rejected: number;
  /** The whole source was read. Otherwise a later record can show a wider type, or repeat a key. */
  complete: boolean;
}

export interface ProposedColumn extends Pick<Column, 'name' | 'type'> {
  nulls: number;
}

/** @param plan of a pipeline without declarations and transformations */
export async function proposeSchema(
  deps: Deps,
  plan: RunPlan,
  run: RunRef,
  context: StepContext,
): Promise<Proposal> {
  const { config, survey } = plan;
  const source = openSource(pluginsOf(deps, config), config.source, context);
  const size = { wholeBytesMax: LIMITS.proposalBytes, cutBytes: LIMITS.proposalBytes };
  const partitions = await source.partitions(survey, size);
  await context.staging.commit(PLAN, { ...plan, partitions } satisfies RunPlan);
  let complete = 'known' in partitions && partitions.known.length <= 1;
  if ('first' in partitions) complete = (await landPartition(deps, { run, partition: 0 }, context)).last;
  const known = 'known' in partitions ? partitions.known.length : 1;
  let rejected = 0;
  if (known > 0) ({ rejected } = await extractPartition(deps, { run, partition: 0 }, context));
  const { schema, parts } = await wholeParts(deps, run, context, {
    partition: known > 0 ? 0 : null,
    read: false,
  });
  const rows = rowsSql(parts, schema);
  if (rows === undefined) {
    const columns = schema.map(({ name, type }) => ({ name, type, nulls: 0 }));
    return { columns, key: [], records: 0, rejected, complete };
  }
  const found = await measureRows(rows, schema, config, context);
  return { ...found, rejected, complete };
}

function measureRows(
  rowsSql: string,
  schema: Schema,
  config: PipelineConfig,
  context: StepContext,
): Promise<Pick<Proposal, 'columns' | 'key' | 'records'>> {
  return withDuckdb(sessionOptions(config, context), async (db) => {
    await db.run(`CREATE TEMP VIEW head AS SELECT * EXCLUDE (${ident(RECORD_COLUMN)}) FROM (${rowsSql})`);
    const terms = ['count(*)', ...schema.map(({ name }) => `count(${ident(name)})`)];
    const [records = 0, ...values] = await readCounts(db, terms);
    const columns = schema.map(({ name, type }, index) => ({
      name,
      type,
      nulls: records - (values[index] ?? 0),
    }));
    return { columns, records, key: await findKey(db, columns, records) };
  });
}

/**
 * The columns that look like a key: one that is never null and never repeats, first those that are named like one;
 * or else the first two that do not repeat together. Two columns of a few records may do so by chance.
 */
async function findKey(db: Duckdb, columns: readonly ProposedColumn[], records: number): Promise<string[]> {
  const candidates = columns.filter(({ type, nulls }) => nulls === 0 && KEY_KINDS.has(type.kind));
  const names = candidates
    .map(({ name }) => name)
    .sort((a, b) => Number(isKeyName(b)) - Number(isKeyName(a)));
  const single =
    records > 1
      ? await firstDistinct(
          db,
          names.map((name) => [name]),
          records,
        )
      : undefined;
  if (single) return single;
  const few = candidates.slice(0, LIMITS.keyColumnsMax).map(({ name }) => name);
  const pairs = few.flatMap((first, index) => few.slice(index + 1).map((second) => [first, second]));
  return (records >= LIMITS.keyRecordsMin && (await firstDistinct(db, pairs, records))) || [];
}

const KEY_KINDS: ReadonlySet<string> = new Set(['string', 'integer', 'date', 'timestamp']);

function isKeyName(name: string): boolean {
  return /(^|[^a-z])(id|key|code|uuid|guid|number|no|nr)$/i.test(name) || /[a-z](Id|ID|Key|Code)$/.test(name);
}

/** The first of several lists of columns whose values together are different in every record. */
async function firstDistinct(
  db: Duckdb,
  lists: readonly (readonly string[])[],
  records: number,
): Promise<string[] | undefined> {
  for (const list of lists) {
    const columns = list.map(ident);
    const value = columns.length === 1 ? columns[0] : `row(${columns.join(', ')})`;
    const [distinct] = await readCounts(db, [`count(DISTINCT ${value})`]);
    if (distinct === records) return [...list];
  }
  return undefined;
}

async function readCounts(db: Duckdb, terms: readonly string[]): Promise<number[]> {
  const row = await db.one(
    `SELECT ${terms.map((term, index) => `${term}::DOUBLE AS c${index}`).join(', ')} FROM head`,
  );
  return terms.map((_, index) => Number(row[`c${index}`]));
}
