"""Reads what FlexETL has loaded, and what pandas and DuckDB load of the same sources. Tasks on stdin, columns on stdout."""
import json
import sys

from peers import open_source, write
from readers import READERS

ROW = "row_number"


def perform(task):
    """By column its values in the order of the rows, or why there are none."""
    try:
        if task["system"] == "flexetl":
            names, rows = READERS[task["target"]](task["where"])
            return columns_of(names, rows)
        if "columns" in task["from"]:
            return {"columns": {name: through_file(name, path, task) for name, path in task["from"]["columns"].items()}}
        source = open_source(task["system"], task["source"], task["from"])
    except Exception as error:
        return {"error": explain(error)}
    # One after the other, so that a column that fails does not take the others with it.
    return {"columns": {name: through(source, name, task) for name in source.names if name != ROW}}


def through_file(name, path, task):
    """A column that has a file of its own, as one that cannot be read fails the whole file."""
    try:
        return through(open_source(task["system"], task["source"], {**task["from"], "path": path}), name, task)
    except Exception as error:
        return explain(error)


def through(source, name, task):
    try:
        write(source, [ROW, name], task["target"], task["where"])
        return columns_of(*READERS[task["target"]](task["where"]))["columns"][name]
    except Exception as error:
        return explain(error)


def columns_of(names, rows):
    place = names.index(ROW)
    rows = sorted(rows, key=lambda row: float(row[place]))
    return {"columns": {name: [row[index] for row in rows] for index, name in enumerate(names)}}


def explain(error):
    return f"{type(error).__name__}: {error}".splitlines()[0][:120]


json.dump([perform(task) for task in json.load(sys.stdin)], sys.stdout)
