"""The sales job with DuckDB from Python: one query, its rows inserted by the sqlite3 module."""

import sys

import duckdb
from sqlite_table import replace_table

QUERY = """
SELECT CAST(date AS VARCHAR), product_id, first(product_name),
       CAST(sum(quantity) AS BIGINT), CAST(sum(quantity * unit_price) AS DOUBLE)
FROM read_csv(?, header = true, columns = {
  date: 'DATE', product_id: 'VARCHAR', product_name: 'VARCHAR', quantity: 'BIGINT', unit_price: 'DECIMAL(18,2)'})
WHERE date IS NOT NULL AND product_id IS NOT NULL AND product_name IS NOT NULL AND unit_price IS NOT NULL
  AND quantity > 0
GROUP BY date, product_id
"""


def main(csv_path: str, database_path: str) -> None:
    replace_table(database_path, duckdb.connect().execute(QUERY, [csv_path]).fetchall())


if __name__ == "__main__":
    main(*sys.argv[1:3])
