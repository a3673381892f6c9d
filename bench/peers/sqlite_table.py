"""The one way in which the peers without an SQLite writer of their own fill the table."""

import sqlite3
from collections.abc import Iterable

COLUMNS = "date DATE, product_id TEXT, product_name TEXT, total_quantity INTEGER, total_revenue DECIMAL"


def replace_table(database_path: str, rows: Iterable[tuple]) -> None:
    """Replaces the table in one transaction."""
    database = sqlite3.connect(database_path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN")
    database.execute("DROP TABLE IF EXISTS daily_product_revenue")
    database.execute(f"CREATE TABLE daily_product_revenue ({COLUMNS})")
    database.executemany("INSERT INTO daily_product_revenue VALUES (?, ?, ?, ?, ?)", rows)
    database.execute("COMMIT")
    database.close()
