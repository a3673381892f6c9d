/** The profile of the good rows of a source: nulls, distinct values, minimum, maximum and a histogram of each column. */
import { LIMITS } from '../../pipeline/limits';
import type { ColumnProfile, Histogram, ProfileReport } from '../../pipeline/report';
import { showValue } from '../../pipeline/show-value';
import { ident } from '../../pipeline/sql';
import { formatType, type Column, type Schema } from '../../pipeline/types';
import type { Duckdb, Row } from '../../runtime/duckdb';
import { rowsSql, type ExtractedPart } from '../parts';
import { numberSql, planHistogram, type Spread } from './histogram';

type ProfileLimits = Record<'profileValuesMax' | 'profileRowsMax' | 'exactValuesMax', number>;

/**
 * @param parts all parts of the run, of rows
 * @param schema their final types
 */
export async function profileRows(
  db: Duckdb,
  parts: readonly ExtractedPart[],
  schema: Schema,
  limits: ProfileLimits = LIMITS,
): Promise<ProfileReport> {
  const columns = schema.slice(0, LIMITS.profileColumnsMax);
  const total = parts.reduce((sum, { receipt }) => sum + receipt.rows, 0);
  const rowsMax = Math.min(
    limits.profileRowsMax,
    Math.floor(limits.profileValuesMax / Math.max(1, columns.length)),
  );
  const isExact = total * columns.length <= limits.exactValuesMax;
  const rows = total <= rowsMax ? (rowsSql(parts, schema) ?? '') : sampleSql(parts, schema, rowsMax);
  if (columns.length === 0 || rows === '')
    return { rows: total, rows_total: total, distinct_exact: true, columns: [] };
  const counts = await db.one(
    `SELECT count(*)::DOUBLE AS "rows", ${columns.flatMap((column, index) => countTerms(column, index, isExact)).join(', ')} FROM (${rows})`,
  );
  const spreads = columns.map((_, index) => spreadOf(counts, index, isExact));
  const plans = columns.map((column, index) => planHistogram(column, spreads[index]!));
  const terms = plans.map(({ sql }, index) => `${sql} AS h${index}`);
  const bars = await db.one(`SELECT ${terms.join(', ')} FROM (${rows})`);
  const described = plans.map(({ read }, index) =>
    describe(
      columns[index]!,
      counts,
      index,
      spreads[index]!.distinct,
      read(bars[`h${index}`] as string | null),
    ),
  );
  return { rows: Number(counts['rows']), rows_total: total, distinct_exact: isExact, columns: described };
}

/** The first rows of parts that lie evenly in the run. */
function sampleSql(parts: readonly ExtractedPart[], schema: Schema, rowsMax: number): string {
  const step = Math.max(1, parts.length / LIMITS.profilePartsMax);
  const chosen = Array.from({ length: Math.min(parts.length, LIMITS.profilePartsMax) }, (_, index) =>
    parts.slice(Math.floor(index * step), Math.floor(index * step) + 1),
  );
  const each = Math.max(1, Math.floor(rowsMax / chosen.length));
  return chosen.map((part) => `(SELECT * FROM (${rowsSql(part, schema)}) LIMIT ${each})`).join(' UNION ALL ');
}

function countTerms(column: Column, index: number, isExact: boolean): string[] {
  const value = ident(column.name);
  const number = numberSql(column);
  // A text can be megabytes long.
  const text = (aggregate: string): string =>
    `left(CAST(${aggregate} AS VARCHAR), ${LIMITS.valueCharsMax + 1})`;
  return [
    `count(${value})::DOUBLE AS n${index}`,
    `${isExact ? `count(DISTINCT ${value})` : distinctBits(value)}::DOUBLE AS d${index}`,
    `${text(`min(${value})`)} AS low${index}`,
    `${text(`max(${value})`)} AS high${index}`,
    `min(${number}) AS from${index}`,
    `max(${number}) AS to${index}`,
  ];
}

/** Cells that values are thrown into, each into the one of its hash. */
const CELLS = 262_144;

/** How many cells have a value: the function of DuckDB that estimates distinct values is up to 15 % off. */
function distinctBits(value: string): string {
  return `bit_count(bitstring_agg(CAST(hash(${value}) % ${CELLS} AS INTEGER), 0, ${CELLS - 1}) FILTER (${value} IS NOT NULL))`;
}

/** The number of values that most likely fill so many cells (linear counting). @param values that are not null */
export function distinctOf(cells: number, values: number): number {
  return Math.min(values, Math.round(CELLS * Math.log(CELLS / (CELLS - cells))));
}

function spreadOf(counts: Row, index: number, isExact: boolean): Spread {
  const found = Number(counts[`d${index}`]);
  return {
    distinct: isExact ? found : distinctOf(found, Number(counts[`n${index}`])),
    from: counts[`from${index}`] as number | null,
    to: counts[`to${index}`] as number | null,
  };
}

function describe(
  { name, type }: Column,
  counts: Row,
  index: number,
  distinct: number,
  histogram: Histogram,
): ColumnProfile {
  const shown = (key: string): string | null => showValue(name, counts[`${key}${index}`] as string | null);
  return {
    name,
    type: formatType(type),
    nulls: Number(counts['rows']) - Number(counts[`n${index}`]),
    distinct: isListed(histogram) ? histogram.bars.length : distinct,
    min: shown('low'),
    max: shown('high'),
    histogram,
  };
}

/** Each value of the column has its bar. */
function isListed({ of, bars }: Histogram): boolean {
  return of === 'values' && bars.length < LIMITS.histogramBarsMax;
}
