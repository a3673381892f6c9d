/** All verdicts of a run in one Parquet file, and what a report says of them. */
import { join } from 'node:path';
import type { Place } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { RuleReport, VerdictsReport } from '../../pipeline/report';
import { showValue } from '../../pipeline/show-value';
import { literal, readParquet } from '../../pipeline/sql';
import type { Duckdb, Row } from '../../runtime/duckdb';
import { INPUT_VERDICTS, verdictsName } from '../../runtime/staging/parts';
import { isDamage } from '../../runtime/staging/whole';
import type { StepContext } from '../context';
import type { StagedParts } from './staged-parts';

/**
 * The files of the verdicts of the parts, in the order of the source, then that of checks of the input as a whole; and
 * whether all are whole.
 */
export async function findVerdicts(
  { parts }: StagedParts,
  { staging }: StepContext,
): Promise<{ files: string[]; complete: boolean }> {
  const files: string[] = [];
  let complete = true;
  const bad = parts.filter(({ receipt }) => receipt.verdicts > 0);
  const names = [...bad.map(({ index }) => verdictsName(index)), ...(await staging.list(INPUT_VERDICTS))];
  for (const name of names) {
    const part = await staging.open(name).catch((error: unknown) => {
      if (isDamage(error)) return undefined;
      throw error;
    });
    if (part?.path == null) complete = false;
    else files.push(part.path);
  }
  return { files, complete };
}

/**
 * Merges the verdicts of all parts, out of core.
 * @returns a scratch file, and what it holds
 */
export async function mergeVerdicts(
  db: Duckdb,
  files: readonly string[],
  scratchDir: string,
): Promise<{ file: string; summary: Pick<VerdictsReport, 'count' | 'rules'> }> {
  const file = join(scratchDir, 'verdicts.parquet');
  // Smaller than with the codec of staged parts: the raw record is repeated for each of its verdicts.
  await db.run(
    `COPY (SELECT * FROM ${readParquet(files)}) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd, PRESERVE_ORDER true)`,
  );
  return { file, summary: await summarize(db, file) };
}

async function summarize(db: Duckdb, file: string): Promise<Pick<VerdictsReport, 'count' | 'rules'>> {
  const rows = readParquet(file, 'file_row_number = true');
  const { total } = await db.one(`SELECT count(*)::DOUBLE AS total FROM ${rows}`);
  const groups = await db.all(`SELECT rule, "column", severity, count(*)::DOUBLE AS failing,
      min(file_row_number, ${LIMITS.ruleExamplesMax})::DOUBLE[] AS first
    FROM ${rows} GROUP BY rule, "column", severity ORDER BY failing DESC, first LIMIT ${LIMITS.verdictRulesMax}`);
  const wanted = groups.flatMap((group) => group['first'] as number[]);
  const examples = await readVerdicts(db, file, wanted);
  const rules = groups.map((group): RuleReport => ({
    rule: String(group['rule']),
    column: group['column'] as string | null,
    severity: group['severity'] as RuleReport['severity'],
    failing_rows: Number(group['failing']),
    examples: (group['first'] as number[]).flatMap((row) => examples.get(row) ?? []),
  }));
  return { count: Number(total), rules };
}

/** The verdicts of these rows of the file. */
async function readVerdicts(
  db: Duckdb,
  file: string,
  wanted: readonly number[],
): Promise<Map<number, Place>> {
  if (wanted.length === 0) return new Map();
  const found = await db.all(`SELECT file_row_number::DOUBLE AS id, file, line::DOUBLE AS line,
      record::DOUBLE AS record, "column",
      -- Of a record as a whole its text.
      coalesce("value", CASE WHEN "column" IS NULL THEN raw END) AS "value", reason
    FROM ${readParquet(file, 'file_row_number = true')} WHERE file_row_number IN (${wanted.join(', ')})`);
  return new Map(
    found.map(({ id, value, ...place }: Row) => {
      const shown = showValue(String(place['column']), value as string | null);
      return [Number(id), { ...place, value: shown } as unknown as Place];
    }),
  );
}
