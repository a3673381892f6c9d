/** The staged parts of a run, as one relation of rows and one of partial groups. */
import { RECORD_COLUMN, REJECTED_COLUMN } from '../pipeline/columns';
import { ident, readParquet, sqlType } from '../pipeline/sql';
import { stagedColumn } from '../pipeline/stage-sql';
import { formatType, type Schema } from '../pipeline/types';
import type { ExtractReceipt } from './extract/receipt';

export interface ExtractedPart {
  index: number;
  receipt: ExtractReceipt;
  /** Absolute path of its file on this machine. */
  path: string;
}

/**
 * All good rows of parts that are staged as rows, under the names of the schema and with its types, in order. The
 * record number is computed from the index of the part and the row in it, so it is not stored.
 * @returns undefined when no part is staged as rows
 */
export function rowsSql(parts: readonly ExtractedPart[], schema: Schema): string | undefined {
  const selects = groupByTypes(parts.filter(({ receipt }) => receipt.kind === 'rows')).map((same) => {
    const columns = schema.map(({ name, type }, index) => {
      const value = stagedColumn(index);
      const asIs = same[0]?.receipt.types[index] === formatType(type);
      return `${asIs ? value : `CAST(${value} AS ${sqlType(type)})`} AS ${ident(name)}`;
    });
    const clean = same.every(({ receipt }) => receipt.rejected === 0);
    const where = clean ? '' : ` WHERE NOT ${REJECTED_COLUMN}`;
    return `SELECT ${[...columns, recordTerm(same)].join(', ')} FROM ${readFiles(same)}${where}`;
  });
  return selects.length === 0 ? undefined : selects.join(' UNION ALL ');
}

/** All partial groups, each with the record number at which its part starts; undefined when there are none. */
export function groupsSql(parts: readonly ExtractedPart[]): string | undefined {
  const groups = parts.filter(({ receipt }) => receipt.kind === 'groups');
  if (groups.length === 0) return undefined;
  return `(SELECT *, ${firstRecord(groups)} AS ${ident(RECORD_COLUMN)} FROM ${readFiles(groups)})`;
}

/** Parts of the same types are read together. */
function groupByTypes(parts: readonly ExtractedPart[]): ExtractedPart[][] {
  const groups = new Map<string, ExtractedPart[]>();
  for (const part of parts) {
    const key = JSON.stringify(part.receipt.types);
    const same = groups.get(key);
    if (same) same.push(part);
    else groups.set(key, [part]);
  }
  return [...groups.values()];
}

function readFiles(parts: readonly ExtractedPart[]): string {
  return readParquet(
    parts.map(({ path }) => path),
    'file_row_number = true',
  );
}

function recordTerm(parts: readonly ExtractedPart[]): string {
  return `${firstRecord(parts)} + file_row_number AS ${ident(RECORD_COLUMN)}`;
}

/** `file_index` counts the files of the list, which may be only some of the parts. */
function firstRecord(parts: readonly ExtractedPart[]): string {
  const isAll = parts.every(({ index }, place) => index === place);
  const index = isAll
    ? 'file_index'
    : `[${parts.map((part) => part.index).join(', ')}][CAST(file_index AS BIGINT) + 1]`;
  return `CAST(${index} AS BIGINT) * ${ROWS_PER_PART}`;
}

/** More than the rows of any part: 2^40. */
const ROWS_PER_PART = 1_099_511_627_776;

/** The record numbers of a part: from `first` to before `next`. */
export function recordsOfPart(part: number): { first: number; next: number } {
  return { first: part * ROWS_PER_PART, next: (part + 1) * ROWS_PER_PART };
}

/** The part and the row in it, both counted from 0, of a record number. */
export function partOfRecord(record: number): { part: number; row: number } {
  return { part: Math.floor(record / ROWS_PER_PART), row: record % ROWS_PER_PART };
}
