"""Reads one API with dlt's rest_api source into DuckDB, and prints what arrived: ids and prices as JSON."""

import json
import os
import sys
import tempfile

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"

import dlt
from dlt.sources.rest_api import rest_api_source


def paginator(given: dict):
    kind, total = given["type"], (given.get("stop") or {}).get("total_path")
    if kind == "page":
        return {"type": "page_number", "base_page": 1, "total_path": None, "stop_after_empty_page": True}
    if kind == "offset":
        return {"type": "offset", "limit": given["size"], "total_path": total}
    if kind == "cursor":
        return {"type": "cursor", "cursor_path": given["from"], "cursor_param": given["name"]}
    return {"type": "header_link"} if kind == "link_header" else {"type": "json_link", "next_url_path": given["from"]}


def auth(given: dict | None):
    if not given:
        return None
    if given["type"] == "bearer":
        return {"type": "bearer", "token": "hush"}
    return {
        "type": "oauth2_client_credentials",
        "access_token_url": given["token_url"],
        "client_id": "me",
        "client_secret": "hush",
    }


def main(url: str, options: dict) -> None:
    client = {"base_url": url, "paginator": paginator(options["pagination"])}
    if options.get("auth"):
        client["auth"] = auth(options["auth"])
    resource = {"name": "items", "endpoint": {"path": "", "data_selector": "data"}}
    with tempfile.TemporaryDirectory() as working_dir:
        database = os.path.join(working_dir, "out.duckdb")
        pipeline = dlt.pipeline(
            "items",
            pipelines_dir=working_dir,
            destination=dlt.destinations.duckdb(database),
            dataset_name="d",
        )
        pipeline.run(rest_api_source({"client": client, "resources": [resource]})).raise_on_failed_jobs()
        with pipeline.sql_client() as sql:
            rows = sql.execute_sql("SELECT CAST(id AS VARCHAR), CAST(price AS VARCHAR) FROM items")
    print(json.dumps([list(row) for row in rows]))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
