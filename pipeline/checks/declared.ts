/**
 * The checks that follow from the types of the columns: every value has the type of its column.
 */
import type { RowCheck } from '../../plugin/check';
import { textColumn } from '../stage-sql';
import { ident } from '../sql';
import { explainMismatch, rulesOf, spellingOf, type Schema, type Column, type TextRules } from '../types';

/** @param explain a special reason why a text is not of its type, or null for the usual reason */
export function typeChecks(
  columns: Schema,
  rules: TextRules,
  explain: (column: Column, text: string) => string | null = () => null,
): RowCheck[] {
  return columns.flatMap((column, index) => {
    if (column.type.kind === 'string') return [];
    return {
      scope: 'row',
      column: column.name,
      // The value of an unknown type is null: every text fails, and the first one decides the type.
      fails: `${textColumn(index)} IS NOT NULL AND ${ident(column.name)} IS NULL`,
      reason: (text: string | null) =>
        explain(column, text ?? '') ??
        explainMismatch(text ?? '', column.type, rulesOf(rules, column.name), spellingOf(column)) ??
        'not a value of its type',
    };
  });
}
