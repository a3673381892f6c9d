/** The verdicts of a run, over all its parts: how many records fail each check, and where the first ones are. */
import type { Place } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { literal, readParquet } from '../pipeline/sql';
import { withDuckdb } from '../runtime/duckdb';
import { mapTogether } from '../runtime/map-together';
import { INPUT_VERDICTS } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import { findWhole } from '../runtime/staging/whole';
import type { StepContext } from './context';
import type { Deps } from './deps';
import type { ExtractedPart } from './parts';
import { sessionOptions, type RunPlan } from './plan';
import { wholeVerdicts } from './whole-parts';

/** The records that fail a check. */
export interface VerdictTotal {
  rule: string;
  column: string | null;
  failing: number;
  /** Those of them that are not loaded. */
  quarantined: number;
  /** The first ones in the order of the source, at most `LIMITS.checkExamplesMax`. */
  examples: readonly Place[];
}

/** A place with the rule that its record fails. */
export interface VerdictPlace extends Place {
  rule: string;
}

/** The files of all verdicts, in the order of the source; last those of checks of the input as a whole. Their columns: `engine/extract/verdicts.ts`. */
export async function verdictFiles(
  deps: Deps,
  run: RunRef,
  parts: readonly ExtractedPart[],
  context: StepContext,
): Promise<string[]> {
  const failing = parts.filter(({ receipt }) => receipt.verdicts > 0);
  const files = await mapTogether(failing, ({ index }) => wholeVerdicts(deps, run, index, context));
  return [...files, ...(await inputVerdictFiles(context))];
}

/** The file of the verdicts of checks of the input as a whole, once validate has judged them; none where no row fails. */
export async function inputVerdictFiles({ staging }: StepContext): Promise<string[]> {
  const path = (await findWhole(staging, INPUT_VERDICTS, 'open'))?.path;
  return path == null ? [] : [path];
}

/** @param files of {@link verdictFiles} */
export async function totalVerdicts(
  plan: RunPlan,
  files: readonly string[],
  context: StepContext,
): Promise<VerdictTotal[]> {
  if (files.length === 0) return [];
  const example = `{file: file, line: line::INT, record: record::INT, "column": "column", "value": "value", reason: reason}`;
  const order = `(file_index::BIGINT << 40) + file_row_number`;
  const sql = `SELECT rule, "column", count(*)::DOUBLE AS failing,
      (count(*) FILTER (fate = 'quarantined'))::DOUBLE AS quarantined,
      to_json(arg_min(${example}, ${order}, ${LIMITS.checkExamplesMax}))::VARCHAR AS examples
    FROM ${readParquet(files, 'file_row_number = true')} GROUP BY ALL`;
  const rows = await withDuckdb({ ...sessionOptions(plan.config, context), reads: files }, (db) =>
    db.all(sql),
  );
  return rows.map(({ rule, column, failing, quarantined, examples }) => ({
    rule: String(rule),
    column: column as string | null,
    failing: Number(failing),
    quarantined: Number(quarantined),
    examples: JSON.parse(String(examples)) as Place[],
  }));
}

/**
 * The records that fail some of the checks.
 * @param of those checks
 * @returns their number, and the first places in the order of the source, at most `LIMITS.placesMax`
 */
export async function findFailing(
  plan: RunPlan,
  files: readonly string[],
  of: readonly Pick<VerdictTotal, 'rule' | 'column'>[],
  context: StepContext,
): Promise<{ records: number; places: VerdictPlace[] }> {
  if (of.length === 0 || files.length === 0) return { records: 0, places: [] };
  const keys = of.map(({ rule, column }) => `(${literal(rule)}, ${literal(column ?? '')})`);
  const where = `WHERE (rule, coalesce("column", '')) IN (${keys.join(', ')})`;
  return withDuckdb({ ...sessionOptions(plan.config, context), reads: files }, async (db) => {
    const all = readParquet(files);
    const { records } = await db.one(
      `SELECT count(*)::DOUBLE AS records FROM (SELECT DISTINCT file, record FROM ${all} ${where})`,
    );
    const places: VerdictPlace[] = [];
    for (const file of files) {
      const room = LIMITS.placesMax - places.length;
      if (room <= 0) break;
      const rows =
        await db.all(`SELECT file, line::INT AS line, record::INT AS record, "column", "value", reason, rule
        FROM ${readParquet(file)} ${where} LIMIT ${room}`);
      places.push(...(rows as unknown as VerdictPlace[]));
    }
    return { records: Number(records), places };
  });
}
