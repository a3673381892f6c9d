/** The SQL of the extract step: texts in, typed columns out, and for each row the checks that it fails. */
import type { Severity } from './checks/policy';
import { FAILED_COLUMN, REJECTED_COLUMN } from './columns';
import { castText, ident } from './sql';
import { rulesOf, spellingOf, type Schema, type TextRules } from './types';

/** The name of the text of a checked column, beside its typed value. No user column has such a name. */
export function textColumn(index: number): string {
  return `_flexetl_text_${index}`;
}

/**
 * The name of a column in a staged part: users' names could collide with those that DuckDB adds, and names without the
 * reserved prefix with those of users where a query has both.
 */
export function stagedColumn(index: number): string {
  return `_flexetl_c${index}`;
}

/** `"quantity" AS _flexetl_c0, …`: the reverse of {@link unstageTerms}. */
export function stageTerms(schema: Schema): string[] {
  return schema.map(({ name }, index) => `${ident(name)} AS ${stagedColumn(index)}`);
}

/** `_flexetl_c0 AS "quantity", …`: the columns of staged rows under their names. */
export function unstageTerms(schema: Schema): string[] {
  return schema.map(({ name }, index) => `${stagedColumn(index)} AS ${ident(name)}`);
}

/** Every column typed, under its name, beside its text. */
function typedSql(relation: string, columns: Schema, rules: TextRules): string {
  const texts = columns.map(({ name }, index) => `${ident(name)} AS ${textColumn(index)}`);
  const typed = columns.flatMap((column, index) => {
    const text = textColumn(index);
    return [
      text,
      `${castText(text, column.type, rulesOf(rules, column.name), spellingOf(column))} AS ${ident(column.name)}`,
    ];
  });
  return `SELECT ${typed.join(', ')} FROM (SELECT ${texts.join(', ')} FROM ${relation})`;
}

interface RowCondition {
  fails: string;
  severity: Severity;
}

/**
 * The rows to be staged, in order: the staged columns by their places, FAILED_COLUMN and REJECTED_COLUMN.
 * @param relation SQL of the text relation
 * @param columns all columns to check, typed
 * @param staged those of them to keep
 */
export function stageRowsSql(
  relation: string,
  columns: Schema,
  staged: Schema,
  checks: readonly RowCondition[],
  rules: TextRules,
): string {
  const flags = checks.map(({ fails }) => `CASE WHEN ${fails} THEN '1' END`);
  const failed = `[${[...columns.map((_, index) => textColumn(index)), ...flags].join(', ')}]`;
  const ifFails = checks.length === 0 ? 'NULL' : `CASE WHEN ${anyFails(checks)} THEN ${failed} END`;
  const rejecting = checks.filter(({ severity }) => severity === 'reject');
  const terms = [
    ...stageTerms(staged),
    `CAST(${ifFails} AS VARCHAR[]) AS ${FAILED_COLUMN}`,
    `${orFalse(rejecting)} AS ${REJECTED_COLUMN}`,
  ];
  return `SELECT ${terms.join(', ')} FROM (${typedSql(relation, columns, rules)})`;
}

/**
 * The typed rows under the names of users, in any order: what partial groups are made of. REJECTED_COLUMN is true for
 * all rows that fail a check: the part must then be staged as rows.
 */
export function typedRowsSql(
  relation: string,
  columns: Schema,
  checks: readonly RowCondition[],
  rules: TextRules,
): string {
  const names = columns.map(({ name }) => ident(name));
  const terms = [...names, `${orFalse(checks)} AS ${REJECTED_COLUMN}`];
  return `SELECT ${terms.join(', ')} FROM (${typedSql(relation, columns, rules)})`;
}

/** The texts of those staged rows that fail, under the names of the columns. @param rows a relation of staged rows */
export function failedTextsSql(rows: string, columns: Schema): string {
  const terms = columns.map(({ name }, index) => `${FAILED_COLUMN}[${index + 1}] AS ${ident(name)}`);
  return `(SELECT ${terms.join(', ')} FROM ${rows} WHERE ${FAILED_COLUMN} IS NOT NULL)`;
}

/** `0,2`: the indexes of the checks that a staged row fails. @param columnCount of the checked columns */
export function failedChecksSql(columnCount: number, checkCount: number): string {
  const fails = `lambda _flexetl_x: ${FAILED_COLUMN}[${columnCount} + 1 + _flexetl_x] IS NOT NULL`;
  return `array_to_string(list_filter(range(${checkCount}), ${fails}), ',')`;
}

function orFalse(checks: readonly RowCondition[]): string {
  return checks.length === 0 ? 'false' : `coalesce(${anyFails(checks)}, false)`;
}

function anyFails(checks: readonly RowCondition[]): string {
  return checks.map(({ fails }) => `(${fails})`).join(' OR ');
}
