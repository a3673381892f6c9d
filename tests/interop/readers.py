"""Reads a table from each target with a program that is not FlexETL: the rows as exact texts."""
import csv
import datetime
import decimal
import math
import os
import sqlite3

csv.field_size_limit(2**31 - 1)


def text(value):
    """The exact text of a value, or None for a null."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # All digits of the shortest text that is this double, without an exponent where the value is a decimal.
        return repr(value) if not math.isfinite(value) or value == 0 else format(decimal.Decimal(repr(value)), "f")
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return value.isoformat(" ")
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def read_sqlite(where):
    with sqlite3.connect(where["database"]) as connection:
        return rows_of(connection.execute(f'SELECT * FROM "{where["table"]}"'))


def read_postgresql(where):
    import psycopg

    with psycopg.connect(where["connection"]) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        return rows_of(connection.execute(f'SELECT * FROM {where["table"]}'))


def rows_of(cursor):
    names = [column[0] for column in cursor.description]
    return names, [[text(value) for value in row] for row in cursor.fetchall()]


def read_parquet(where):
    import pyarrow
    import pyarrow.parquet

    tables = [pyarrow.parquet.read_table(path) for path in files_of(where["path"], ".parquet")]
    names = tables[0].column_names
    columns = [[value for table in tables for value in exact_values(table[name])] for name in names]
    return names, [list(row) for row in zip(*columns)]


def exact_values(column):
    """Python's datetime has microseconds only; the text that Arrow casts to has all digits."""
    import pyarrow

    if pyarrow.types.is_timestamp(column.type):
        zone_free = column.cast(pyarrow.timestamp(column.type.unit))
        return [value if value is None else value.rstrip("Z") for value in zone_free.cast(pyarrow.string()).to_pylist()]
    return [text(value) for value in column.to_pylist()]


def read_csv(where):
    names, rows = None, []
    for path in files_of(where["path"], ".csv"):
        with open(path, newline="", encoding="utf-8") as file:
            names, *records = csv.reader(file)
            rows += [[None if value == where["null"] else value for value in record] for record in records]
    return names, rows


def files_of(path, ending):
    """A file, or the files of a folder that are not hidden."""
    if os.path.isfile(path):
        return [path]
    found = []
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        found += [os.path.join(folder, name) for name in files if name.endswith(ending) and name[0] not in "._"]
    if not found:
        raise FileNotFoundError(f"no {ending} file in {path}")
    return sorted(found)


READERS = {"sqlite": read_sqlite, "postgresql": read_postgresql, "parquet": read_parquet, "csv": read_csv}
