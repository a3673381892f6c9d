"""The sales job with Dask DataFrame on its default scheduler: threads, one partition for each 64 MB."""

import sqlite3
import sys

import dask.dataframe as dd


def main(csv_path: str, database_path: str) -> None:
    # Dtypes are given because Dask guesses them from the head, and a later empty field would fail the run.
    sales = dd.read_csv(csv_path, dtype={"quantity": "float64", "unit_price": "float64"}).dropna()
    sales = sales.astype({"quantity": "int64"})
    sales = sales[sales["quantity"] > 0]
    sales["revenue"] = sales["quantity"] * sales["unit_price"]
    daily = (
        sales.groupby(["date", "product_id"], sort=False)
        .agg({"product_name": "first", "quantity": "sum", "revenue": "sum"})
        .rename(columns={"quantity": "total_quantity", "revenue": "total_revenue"})
        .reset_index()
        .compute()
    )
    with sqlite3.connect(database_path) as database:
        daily.to_sql(
            "daily_product_revenue",
            database,
            if_exists="replace",
            index=False,
            dtype={"date": "DATE", "total_revenue": "DECIMAL"},
        )


if __name__ == "__main__":
    main(*sys.argv[1:3])
