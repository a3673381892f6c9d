/**
 * The candidate that is nearest to a misspelt name, or undefined when none is near.
 *
 * Near: at most one edit per three characters (at least one, at most three), where an edit adds, removes or
 * changes a character or swaps two neighbours; case does not count. The first of equally near ones wins.
 */
export function suggest(name: string, candidates: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let nearestEdits = Math.min(3, Math.max(1, Math.floor(name.length / 3))) + 1;
  const wanted = name.slice(0, NAME_CHARS_MAX).toLowerCase();
  for (const candidate of candidates) {
    const edits = countEdits(wanted, candidate.slice(0, NAME_CHARS_MAX).toLowerCase(), nearestEdits);
    if (edits < nearestEdits) {
      nearest = candidate;
      nearestEdits = edits;
    }
  }
  return nearest;
}

/** A hint for a name that does not exist: the nearest one, else the first 20 that do. @param what as in `columns` */
export function hintForName(name: string, known: readonly string[], what: string): string {
  const near = suggest(name, known);
  return near === undefined
    ? `The ${what} are: ${known.slice(0, 20).join(', ')}.`
    : `Did you mean "${near}"?`;
}

/** The cost is quadratic in the length of a name, and names come from users' files. */
const NAME_CHARS_MAX = 100;

/** Damerau-Levenshtein distance (adjacent swaps), or `bound` when it is not below that. */
function countEdits(a: string, b: string, bound: number): number {
  if (Math.abs(a.length - b.length) >= bound) return bound;
  const at = (row: readonly number[], index: number): number => row[index] ?? 0;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = at(above, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(at(above, j) + 1, at(row, j - 1) + 1, change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, at(before, j - 2) + 1);
      }
      row.push(edits);
    }
    [before, above] = [above, row];
  }
  return Math.min(at(above, b.length), bound);
}
