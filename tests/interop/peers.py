"""The same table through pandas and through bare DuckDB, as their documents show it, with their defaults."""
import io
import json
import os
import sqlite3
import urllib.request

import duckdb
import pandas


class PandasSource:
    def __init__(self, frame):
        self.frame = frame
        self.names = list(frame.columns)

    def select(self, names):
        return self.frame[names]


class DuckdbSource:
    def __init__(self, relation):
        self.relation = relation
        self.names = relation.columns

    def select(self, names):
        return self.relation.select(*[duckdb.ColumnExpression(name) for name in names])


def open_source(system, source, where):
    if system == "pandas":
        return PandasSource(read_pandas(source, where))
    return DuckdbSource(read_duckdb(source, where))


def read_pandas(source, where):
    if source == "csv":
        return pandas.read_csv(where["path"], na_values=[where["null"]], keep_default_na=False)
    if source == "json":
        return pandas.read_json(where["path"], lines=True)
    return pandas.DataFrame(fetch_all(where["url"]))


def read_duckdb(source, where):
    if source == "csv":
        return duckdb.read_csv(where["path"], na_values=where["null"])
    if source == "json":
        return duckdb.read_json(where["path"])
    with open(where["copy"], "w", encoding="utf-8") as file:
        json.dump(fetch_all(where["url"]), file)
    return duckdb.read_json(where["copy"])


def fetch_all(url):
    """The records of all pages, as Python's json reads them."""
    records, page = [], 1
    while True:
        with urllib.request.urlopen(f"{url}?page={page}") as reply:
            found = json.load(reply)["records"]
        if not found:
            return records
        records += found
        page += 1


def write(source, names, target, where):
    rows = source.select(names)
    for path in (where.get("path"), where.get("database")):
        if path is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
    if isinstance(source, DuckdbSource):
        if target == "parquet":
            return rows.write_parquet(where["path"])
        if target == "csv":
            return rows.write_csv(where["path"], na_rep=where["null"])
        # Its extensions for databases are downloads; this is what is done without them.
        rows = rows.df()
    write_frame(rows, target, where)


def write_frame(frame, target, where):
    if target == "sqlite":
        with sqlite3.connect(where["database"]) as connection:
            frame.to_sql(where["table"], connection, index=False, if_exists="replace")
    elif target == "postgresql":
        import sqlalchemy

        engine = sqlalchemy.create_engine(where["connection"].replace("postgresql://", "postgresql+psycopg://", 1))
        try:
            frame.to_sql(where["table"], engine, index=False, if_exists="replace")
        finally:
            engine.dispose()
    elif target == "parquet":
        frame.to_parquet(where["path"], index=False)
    else:
        frame.to_csv(where["path"], index=False, na_rep=where["null"])
