/** The verdicts of a run, read from the file beside its report. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Severity } from '../../pipeline/checks/policy';
import { FlexetlError, type Place } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { ReportFile } from '../../pipeline/report';
import { literal, readParquet } from '../../pipeline/sql';
import { hintForName } from '../../pipeline/suggest';
import { openDuckdb } from '../../runtime/duckdb';

/** One rule that a record fails. */
export interface Verdict extends Place {
  byte_offset: number;
  rule: string;
  /** The record as it is in its source, at most `LIMITS.rawCharsMax` characters. */
  raw: string | null;
  /** Of the rule. */
  severity: Severity;
  /** Of the record: a record that is kept fails only rules of the severity `warn`. */
  fate: 'quarantined' | 'kept';
}

export interface VerdictFilter {
  /** Only those of this rule. */
  rule?: string | undefined;
  /** The first ones; default: all. */
  max?: number | undefined;
}

/**
 * In the order of the source, never all at once.
 * @throws FlexetlError USAGE for a rule that no record fails, RUN_NOT_FOUND where the file is gone
 */
export async function* readVerdicts(
  projectDir: string,
  { verdicts }: ReportFile,
  { rule, max }: VerdictFilter = {},
): AsyncGenerator<Verdict> {
  if (rule !== undefined) assertRule(rule, verdicts);
  if (!verdicts) return;
  const file = join(projectDir, verdicts.path);
  if (!existsSync(file)) {
    throw new FlexetlError('RUN_NOT_FOUND', {
      message: `The verdicts of the run are gone: ${verdicts.path}.`,
      hint: 'Its report still has the number of rows of each rule, with examples.',
    });
  }
  const { db, close } = await openDuckdb({
    dir: dirname(file),
    memoryMb: LIMITS.duckdbMemoryMbLeast,
    spill: false,
  });
  try {
    const where = rule === undefined ? '' : `WHERE rule = ${literal(rule)}`;
    const limit = max === undefined ? '' : `LIMIT ${max}`;
    const sql = `SELECT * REPLACE (line::DOUBLE AS line, byte_offset::DOUBLE AS byte_offset, record::DOUBLE AS record)
      FROM ${readParquet(file)} ${where} ${limit}`;
    const names = (await db.all(`DESCRIBE ${sql}`)).map((column) => String(column['column_name']));
    for await (const chunk of db.stream(sql))
      for (const row of chunk.getRows())
        yield Object.fromEntries(names.map((name, index) => [name, row[index]])) as unknown as Verdict;
  } finally {
    await close();
  }
}

function assertRule(rule: string, verdicts: ReportFile['verdicts']): void {
  const names = [...new Set(verdicts?.rules.map((one) => one.rule) ?? [])];
  if (names.includes(rule) || (verdicts && verdicts.rules.length >= LIMITS.verdictRulesMax)) return;
  throw new FlexetlError('USAGE', {
    message: `No record of this run fails a rule ${JSON.stringify(rule)}.`,
    hint:
      names.length > 0 ? hintForName(rule, names, 'rules that records fail') : 'No record fails any rule.',
  });
}
