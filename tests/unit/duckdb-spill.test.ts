import { readdirSync } from 'node:fs';
import { withDuckdb } from '../../runtime/duckdb';
import { makeFolder } from '../support/folder';

const dir = makeFolder();

/** Sorts more rows than fit into memory; a row that comes back changed is counted. */
async function sortMuch(offset: number): Promise<{ folders: string[]; result: unknown }> {
  const sql = `SELECT count(*)::INT AS "rows", sum(a)::VARCHAR AS total, (count(*) FILTER (m <> md5(a::VARCHAR)))::INT AS changed
    FROM (SELECT range + ${offset} AS a, md5((range + ${offset})::VARCHAR) AS m FROM range(900000) ORDER BY hash(range) LIMIT 890000)`;
  return withDuckdb({ dir, memoryMb: 64, threads: 1 }, async (db) => {
    const query = db.one(sql);
    const folders = new Set<string>();
    const look = setInterval(() => readdirSync(dir).forEach((name) => folders.add(name)), 10);
    const result = await query.finally(() => clearInterval(look));
    return { folders: [...folders], result };
  });
}

it('sessions that spill at the same time keep out of each other’s files, and leave none', async () => {
  const [one, two] = await Promise.all([sortMuch(0), sortMuch(5_000_000)]);
  expect(one.folders.length).toBeGreaterThan(1);
  for (const { result } of [one, two]) expect(result).toMatchObject({ rows: 890_000, changed: 0 });
  expect(readdirSync(dir)).toEqual([]);
});
