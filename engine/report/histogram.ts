/** The histogram of one column: of values where they are few, else of ranges of values, or of lengths of texts. */
import { LIMITS } from '../../pipeline/limits';
import type { Histogram } from '../../pipeline/report';
import { showValue } from '../../pipeline/show-value';
import { ident } from '../../pipeline/sql';
import type { Column, TypeKind } from '../../pipeline/types';

/** What is known of a column before its histogram is counted. */
export interface Spread {
  /** About how many values are distinct. */
  distinct: number;
  /** Of {@link numberSql}; null where all values are null. */
  from: number | null;
  to: number | null;
}

export interface HistogramPlan {
  /** An aggregate: JSON, as a text. */
  sql: string;
  read(json: string | null): Histogram;
}

/** SQL of the number that a value has its place by: the value, the time in milliseconds, the length of a text. */
export function numberSql({ name, type: { kind } }: Column): string {
  const value = ident(name);
  if (isTime(kind)) return `CAST(epoch_ms(CAST(${value} AS TIMESTAMP)) AS DOUBLE)`;
  return `CAST(${kind === 'string' || kind === 'unknown' ? `length(${value})` : value} AS DOUBLE)`;
}

const isTime = (kind: TypeKind): boolean => kind === 'date' || kind === 'timestamp';

export function planHistogram(column: Column, { distinct, from, to }: Spread): HistogramPlan {
  const { kind } = column.type;
  if (from === null || to === null) return { sql: 'min(NULL)', read: () => ({ of: 'values', bars: [] }) };
  if (distinct <= (kind === 'string' ? LIMITS.topValuesOf : LIMITS.histogramBarsMax))
    return planValues(column);
  const edges = edgesOf(from, to, kind);
  const list = edges.map((edge) => `CAST('${edge}' AS DOUBLE)`).join(', ');
  return {
    sql: pairsSql(`histogram(${numberSql(column)}, [${list}])`),
    read: (json) => {
      const rows = new Map(pairsOf<number>(json));
      const bars = edges.map((edge, index) => {
        const label = labelOf(edges[index - 1] ?? from, edge, kind);
        return { label, rows: rows.get(edge) ?? 0 };
      });
      return { of: kind === 'string' ? 'lengths' : 'ranges', bars };
    },
  };
}

/** Each value with its rows: others than texts in their order, texts by their number of rows, the first ones. */
function planValues({ name, type: { kind } }: Column): HistogramPlan {
  const value = ident(name);
  // A text can be megabytes long.
  const shown = kind === 'string' ? `left(${value}, ${LIMITS.valueCharsMax + 1})` : value;
  return {
    sql: pairsSql(`histogram(${shown})`, 'VARCHAR'),
    read: (json) => {
      const bars = pairsOf<string>(json).map(([text, rows]) => ({
        label: showValue(name, text) ?? '',
        rows,
      }));
      if (kind === 'string') bars.sort((a, b) => b.rows - a.rows);
      return { of: 'values', bars: bars.slice(0, LIMITS.histogramBarsMax) };
    },
  };
}

/** Keys and counts of a MAP as JSON: the driver's own form of a map differs by the type of its keys. */
function pairsSql(histogram: string, keys = 'DOUBLE'): string {
  return `CAST(to_json([CAST(map_keys(${histogram}) AS ${keys}[])::JSON, CAST(map_values(${histogram}) AS DOUBLE[])::JSON]) AS VARCHAR)`;
}

function pairsOf<K>(json: string | null): [K, number][] {
  const [keys, counts] = JSON.parse(json ?? '[[], []]') as [K[], number[]];
  return keys.map((key, index) => [key, counts[index] ?? 0]);
}

/** Upper bounds of equal ranges, ascending; whole numbers have whole bounds. */
function edgesOf(from: number, to: number, kind: TypeKind): number[] {
  const isWhole = kind === 'integer' || kind === 'string' || isTime(kind);
  const width = (to - from) / LIMITS.histogramBarsMax;
  const edges = Array.from({ length: LIMITS.histogramBarsMax }, (_, index) => {
    const edge = from + width * (index + 1);
    return isWhole ? Math.floor(edge) : edge;
  });
  edges[edges.length - 1] = to;
  return [...new Set(edges)].filter((edge) => Number.isFinite(edge));
}

function labelOf(from: number, to: number, kind: TypeKind): string {
  return `${textOf(from, kind)} – ${textOf(to, kind)}`;
}

function textOf(number: number, kind: TypeKind): string {
  if (kind === 'date') return new Date(number).toISOString().slice(0, 10);
  if (kind === 'timestamp') return new Date(number).toISOString().slice(0, 16).replace('T', ' ');
  return String(Number(number.toPrecision(6)));
}
