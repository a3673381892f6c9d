/** The states of dataset checks over the good rows of a staged part. */
import { FAILED_COLUMN } from '../../pipeline/columns';
import { ident, readParquet } from '../../pipeline/sql';
import { unstageTerms } from '../../pipeline/stage-sql';
import { callPlugin } from '../../pipeline/plugin-failure';
import type { Duckdb } from '../../runtime/duckdb';
import type { ExtractColumns } from './columns';

/** @param file a file of staged rows; with dataset checks no partial groups are written */
export async function measureStates(
  { checks, staged }: ExtractColumns,
  db: Duckdb,
  file: string,
): Promise<unknown[]> {
  if (checks.datasets.length === 0) return [];
  const terms = checks.datasets.flatMap(({ measure }, index) =>
    Object.entries(measure).map(
      ([name, aggregate]) => `CAST(${aggregate} AS VARCHAR) AS ${ident(`${index}.${name}`)}`,
    ),
  );
  const rows = `SELECT ${unstageTerms(staged).join(', ')} FROM ${readParquet(file)} WHERE ${FAILED_COLUMN} IS NULL`;
  const measured = await db.one(`SELECT ${terms.join(', ')} FROM (${rows})`);
  return checks.datasets.map(({ rule, measure, read }, index) => {
    const texts = Object.keys(measure).map((name) => [name, measured[`${index}.${name}`] as string | null]);
    return callPlugin(`The check ${rule}`, () =>
      read(Object.fromEntries(texts) as Parameters<typeof read>[0]),
    );
  });
}
