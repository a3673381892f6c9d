/**
 * The checks that follow from the columns: every value has the type of its column, and nulls are only in nullable ones.
 */
import type { RowCheck } from '../../plugin/check';
import { textColumn, type CheckedColumn } from '../stage-sql';
import { ident } from '../sql';
import { explainMismatch, spellingOf, type TextRules } from '../types';

/** @param explain a special reason why a text is not of its type, or null for the usual reason */
export function typeChecks(
  columns: readonly CheckedColumn[],
  rules: TextRules,
  explain: (column: CheckedColumn, text: string) => string | null = () => null,
): RowCheck[] {
  return columns.flatMap((column, index) => {
    if (column.type.kind === 'string' && !column.unseen) return [];
    const isText = `${textColumn(index)} IS NOT NULL`;
    return {
      scope: 'row',
      column: column.name,
      // Before the first text has decided the type, every text fails.
      fails: column.unseen ? isText : `${isText} AND ${ident(column.name)} IS NULL`,
      reason: (text: string | null) =>
        explain(column, text ?? '') ??
        explainMismatch(text ?? '', column.type, rules, spellingOf(column)) ??
        'not a value of its type',
    };
  });
}

export function nullableChecks(columns: readonly CheckedColumn[]): RowCheck[] {
  return columns.flatMap((column, index) =>
    column.nullable === false
      ? {
          scope: 'row',
          column: column.name,
          fails: `${textColumn(index)} IS NULL`,
          reason: 'null in a column that is not nullable',
        }
      : [],
  );
}
