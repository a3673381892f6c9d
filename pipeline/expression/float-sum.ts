/** The SQL of the sum of floats, with the states of an aggregate (see `aggregates.ts`). */
import { sqlError } from '../sql';

/**
 * The sum of floats, the same for every order of rows, in bounded memory: the whole part, then 80 binary digits after
 * the point, then 80 more, each added in 128-bit integers, and rounded once at the end. The fast way fails for numbers
 * from 2^90 on. The exact way keeps those in memory and adds them with Kahan summation (`fsum`), largest first.
 */
export function sumFloats(sql: string, fast: boolean) {
  const error = sqlError('VALUE_OVERFLOW', 'a float is too large for the fast sum');
  const isLarge = `abs(${sql}) >= ${BITS_90}`;
  const value = fast
    ? `CASE WHEN ${isLarge} THEN ${error} ELSE ${sql} END`
    : `CASE WHEN ${isLarge} THEN NULL ELSE ${sql} END`;
  const fraction = `((${sql} - trunc(${sql})) * ${BITS_80})`;
  // A float of 2^53 or more has no fraction: only the whole part can be large.
  const rows = {
    whole: `CAST(trunc(${value}) AS HUGEINT)`,
    upper: `CAST(trunc(${fraction}) AS HUGEINT)`,
    lower: `CAST((${fraction} - trunc(${fraction})) * ${BITS_80} AS HUGEINT)`,
  };
  const states = Object.entries(rows).map(([name, ofRow]) => {
    return { name, storedAs: 'DECIMAL(38,0)', ofRow, ofRows: `sum(${ofRow})` };
  });
  const large = `CASE WHEN ${isLarge} THEN ${sql} END`;
  if (!fast) states.push({ name: 'large', storedAs: 'DOUBLE', ofRow: large, ofRows: `max(${large})` });
  const merge = ([whole = '', upper = '', lower = '', other]: readonly string[]): string => {
    const small = joinFixed(...([whole, upper, lower].map((column) => `sum(${column})`) as Triple));
    if (other === undefined) return small;
    const sorted = `list_sort(list({'size': -abs(${other}), 'value': ${other}}) FILTER (WHERE ${other} IS NOT NULL))`;
    const values = `list_transform(${sorted}, lambda _flexetl_x: _flexetl_x.value)`;
    return `CASE WHEN count(${other}) = 0 THEN ${small} ELSE list_aggregate(list_append(${values}, ${small}), 'fsum') END`;
  };
  return { sql: merge(states.map(({ ofRow }) => ofRow)), states, merge };
}

type Triple = [string, string, string];

function joinFixed(...parts: Triple): string {
  const [whole, upper, lower] = parts.map((part) => `CAST(${part} AS HUGEINT)`) as Triple;
  const unit = `CAST('${2n ** 80n}' AS HUGEINT)`;
  const [carried, rest] = [`(${whole} + ${upper} // ${unit})`, `(${upper} % ${unit})`];
  // A small whole part and the fraction may cancel out: together they fit into 128 bits.
  const together = `CAST(${carried} * ${unit} + ${rest} AS DOUBLE) / ${BITS_80}`;
  const apart = `CAST(${carried} AS DOUBLE) + CAST(${rest} AS DOUBLE) / ${BITS_80}`;
  return `(CASE WHEN abs(${carried}) < ${2 ** 40} THEN ${together} ELSE ${apart} END + CAST(${lower} AS DOUBLE) / ${BITS_80} / ${BITS_80})`;
}

const BITS_80 = `CAST('${2n ** 80n}' AS DOUBLE)`;
const BITS_90 = `CAST('${2n ** 90n}' AS DOUBLE)`;
