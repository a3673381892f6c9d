"""The sales job with dlt: pandas transforms, dlt loads through its sqlalchemy destination."""

import os
import sys
import tempfile

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt
import pandas as pd


@dlt.resource(name="daily_product_revenue", write_disposition="replace")
def daily_product_revenue(csv_path: str):
    sales = pd.read_csv(csv_path).dropna()
    sales["quantity"] = sales["quantity"].astype("int64")
    sales = sales[sales["quantity"] > 0]
    sales["revenue"] = sales["quantity"] * sales["unit_price"]
    yield sales.groupby(["date", "product_id"], as_index=False, sort=False).agg(
        product_name=("product_name", "first"),
        total_quantity=("quantity", "sum"),
        total_revenue=("revenue", "sum"),
    )


def main(csv_path: str, database_path: str) -> None:
    with tempfile.TemporaryDirectory() as working_dir:
        pipeline = dlt.pipeline(
            "sales",
            pipelines_dir=working_dir,
            destination=dlt.destinations.sqlalchemy(f"sqlite:///{database_path}"),
            # The dataset `main` is the database itself; any other name becomes a second file beside it.
            dataset_name="main",
        )
        pipeline.run(daily_product_revenue(csv_path)).raise_on_failed_jobs()


if __name__ == "__main__":
    main(*sys.argv[1:3])
