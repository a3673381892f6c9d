/** What is measured over the rows of a staged part: states of dataset checks, and rows that meet conditions. */
import { REJECTED_COLUMN } from '../../pipeline/columns';
import { ident, readParquet } from '../../pipeline/sql';
import { unstageTerms } from '../../pipeline/stage-sql';
import { callPlugin } from '../../pipeline/plugin-failure';
import type { Duckdb } from '../../runtime/duckdb';
import type { ExtractColumns } from './columns';

/** States of dataset checks over the good rows. @param file a file of staged rows; with dataset checks no partial groups are written */
export async function measureStates(
  { checks: { datasets }, staged }: ExtractColumns,
  db: Duckdb,
  file: string,
): Promise<unknown[]> {
  const rows = `SELECT ${unstageTerms(staged).join(', ')} FROM ${readParquet(file)} WHERE NOT ${REJECTED_COLUMN}`;
  const measured: Record<string, unknown> = {};
  // Those of the same rows in one query.
  for (const where of new Set(datasets.map((check) => check.where?.sql ?? 'true'))) {
    const terms = datasets.flatMap((check, index) =>
      (check.where?.sql ?? 'true') === where
        ? Object.entries(check.measure).map(
            ([name, aggregate]) => `CAST(${aggregate} AS VARCHAR) AS ${ident(`${index}.${name}`)}`,
          )
        : [],
    );
    if (terms.length > 0)
      Object.assign(measured, await db.one(`SELECT ${terms.join(', ')} FROM (${rows}) WHERE ${where}`));
  }
  return datasets.map(({ rule, measure, read }, index) => {
    const texts = Object.keys(measure).map((name) => [name, measured[`${index}.${name}`] as string | null]);
    return callPlugin(`The check ${rule}`, () =>
      read(Object.fromEntries(texts) as Parameters<typeof read>[0]),
    );
  });
}

/** The number of rows that meet each condition, rejected rows included. @param file a file of staged rows */
export async function countRows(
  { checks: { counted }, staged }: ExtractColumns,
  db: Duckdb,
  file: string,
): Promise<number[]> {
  if (counted.length === 0) return [];
  const terms = counted.map(({ sql }, index) => `(count(*) FILTER (${sql}))::DOUBLE AS n${index}`);
  const rows = `SELECT ${unstageTerms(staged).join(', ')} FROM ${readParquet(file)}`;
  const counts = await db.one(`SELECT ${terms.join(', ')} FROM (${rows})`);
  return counted.map((_, index) => Number(counts[`n${index}`]));
}
