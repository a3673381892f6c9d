/** What became of the values of one way from a source to a target. */
import { expectedRows, isTrue, normalize, sourceRow, TRUTH, TRUTH_ROWS } from '../support/truth';

/** Exact texts by column, in the order of the rows; a text in their place says why there are none. */
export type Answer = { columns: Record<string, (string | null)[] | string> } | { error: string };

export interface Cell {
  altered: number;
  /** The first altered value. */
  example?: { was: string | null; is: string | null };
  /** The column could not be loaded. */
  error?: string;
}

/**
 * By column of the truth table.
 * @param lenient a value that is still the text of the source counts as unaltered, whatever its type, and NaN as null:
 *   for programs that promise less
 */
export function compare(target: string, answer: Answer, lenient: boolean): Cell[] {
  const expected = expectedRows();
  return TRUTH.map(({ name, kind }, column) => {
    const found = 'error' in answer ? answer.error : (answer.columns[name] ?? 'no such column');
    if (typeof found === 'string') return { altered: TRUTH_ROWS, error: found };
    const cell: Cell = { altered: Math.max(0, found.length - TRUTH_ROWS) };
    expected.forEach((row, index) => {
      const was = sourceRow(index)[column] ?? null;
      const value = found[index] ?? null;
      const read = lenient && value === 'nan' ? null : value;
      const is = read === null ? null : normalize(kind, read);
      if ((lenient && read === was) || (index < found.length && isTrue(target, is, row[column] ?? null)))
        return;
      cell.altered += 1;
      cell.example ??= { was, is: value };
    });
    return cell;
  });
}
