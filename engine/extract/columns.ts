/** The columns of a partition as extract treats them, under the types known so far. */
import { hasRules } from '../../pipeline/checks/column-rules';
import { compileChecks, settingsOf, type CompiledChecks } from '../../pipeline/checks/compile';
import { policyOf } from '../../pipeline/checks/policy';
import { LIMITS } from '../../pipeline/limits';
import {
  isInferred,
  stagedSchema,
  typedColumn,
  type Evidence,
  type SourceColumn,
} from '../../pipeline/schema';
import {
  countDigits,
  decimal,
  explainMismatch,
  rulesOf,
  type Column,
  type Schema,
  type TextRules,
} from '../../pipeline/types';
import { plainText } from '../../pipeline/text-forms';
import type { Check } from '../../plugin/check';
import type { RunPlan } from '../plan';

export interface ExtractColumns {
  /** All columns whose values are checked, with the types known so far. */
  checked: Schema;
  staged: Schema;
  /** Those of the checked columns whose type is inferred from the values. */
  inferred: readonly SourceColumn[];
  evidence: Evidence;
  rules: TextRules;
  checks: CompiledChecks;
}

export function extractColumns(
  plan: Pick<RunPlan, 'config' | 'columns'>,
  evidence: Evidence,
  rules: TextRules,
  plugins: readonly Check<unknown>[],
): ExtractColumns {
  const { schema, quality_checks: uses } = plan.config.validation;
  // A check of a user's own, and a condition, may read any column.
  const readsAny = uses.length > 0 || Object.values(schema).some(({ where }) => where !== undefined);
  const columns = plan.columns.filter(
    (column) => readsAny || isChecked(column) || hasRules(settingsOf(schema, column.name)),
  );
  const checked = columns.map((column) => typedColumn(column, evidence));
  const explainType = (column: Column, text: string): string | null =>
    explainDecimal(plan.columns, evidence, rules, column, text);
  const policy = policyOf(plan.config);
  const checks = compileChecks({ columns: checked, rules, schema, uses, policy, plugins, explainType });
  // Corrected records alone are not the input as a whole.
  const isPiece = plan.config.source.letters?.mode === 'rows';
  return {
    checked,
    staged: stagedSchema(plan.columns, evidence),
    inferred: columns.filter(isInferred),
    evidence,
    rules,
    checks: isPiece ? { ...checks, datasets: [], globals: [] } : checks,
  };
}

/** A column that is not used and not declared is not checked. */
function isChecked(column: SourceColumn): boolean {
  return column.staged || column.declared !== undefined || !column.nullable;
}

/** The reason for a column declared `decimal`: it has room for 38 digits, whatever width its values needed so far. */
function explainDecimal(
  columns: readonly SourceColumn[],
  evidence: Evidence,
  rules: TextRules,
  { name }: Column,
  text: string,
): string | null {
  if (columns.find((column) => column.name === name)?.declared !== 'decimal') return null;
  const own = rulesOf(rules, name);
  const { scale } = countDigits(plainText(text, 'decimal', own) ?? text);
  const wanted = Math.max(scale, evidence.get(name)?.scale ?? 0);
  const widest = decimal(LIMITS.decimalDigitsMax, Math.min(wanted, LIMITS.decimalDigitsMax));
  return explainMismatch(text, widest, own);
}
