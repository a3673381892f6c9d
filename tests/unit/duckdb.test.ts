import { withDuckdb } from '../../runtime/duckdb';
import { makeFolder } from '../support/folder';

const dir = makeFolder();

describe('a DuckDB session', () => {
  it('reads and writes inside its folder and nowhere else', async () => {
    await withDuckdb({ dir, memoryMb: 200 }, async (db) => {
      await db.run(`COPY (SELECT 1 AS a) TO '${dir}/a.parquet'`);
      expect(await db.one(`SELECT a FROM read_parquet('${dir}/a.parquet')`)).toEqual({ a: 1 });
      await expect(db.all(`SELECT * FROM read_text('/etc/hostname')`)).rejects.toThrow(
        /disabled|not allowed|Permission/i,
      );
      await expect(db.run(`COPY (SELECT 1) TO '/tmp/outside.parquet'`)).rejects.toThrow(
        /disabled|not allowed|Permission/i,
      );
      await expect(db.run('SET enable_external_access = true')).rejects.toThrow(/lock|cannot/i);
    });
  });

  it('ends a running query within a second of cancellation', async () => {
    const controller = new AbortController();
    const query = withDuckdb({ dir, memoryMb: 200, signal: controller.signal }, async (db) => {
      setImmediate(() => controller.abort());
      await db.one('SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b');
    });
    await expect(query).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('turns a tagged error of a query into a FlexetlError', async () => {
    await expect(
      withDuckdb({ dir, memoryMb: 200 }, (db) =>
        db.one(`SELECT error('FLEXETL:VALUE_OVERFLOW:total is too large')`),
      ),
    ).rejects.toMatchObject({ code: 'VALUE_OVERFLOW', message: 'total is too large' });
  });
});

describe('a file of rows', () => {
  // A list of more than three values is a hash join to DuckDB, which by itself forgets the order of row groups.
  it('has them in the order of the query, whatever the query asks of them', async () => {
    await withDuckdb({ dir, memoryMb: 600 }, async (db) => {
      const rows = 600_000;
      await db.run(
        `COPY (SELECT range AS id, 'n' || range % 1000 AS name, 'true' AS ok FROM range(${rows})) TO '${dir}/in.csv'`,
      );
      const csv = `read_csv('${dir}/in.csv', all_varchar = true, buffer_size = 4194304)`;
      const asked = `name IN ('n1', 'n2', 'n3', 'n4', 'n5', 'n6') AS listed, lower(ok) IN ('a', 'b', 'c', 'd', 'true') AS ok`;
      for (let attempt = 0; attempt < 3; attempt += 1) {
        await db.copy(`SELECT id::BIGINT AS id, ${asked} FROM ${csv}`, `${dir}/rows.parquet`);
        const wrong = await db.one(
          `SELECT count(*)::INT AS wrong FROM read_parquet('${dir}/rows.parquet', file_row_number = true) WHERE id <> file_row_number`,
        );
        expect(wrong).toEqual({ wrong: 0 });
      }
    });
  });
});
