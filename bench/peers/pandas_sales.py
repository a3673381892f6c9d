"""The sales job with pandas: the program that the first version of the requirements describes."""

import sqlite3
import sys

import pandas as pd


def main(csv_path: str, database_path: str) -> None:
    # quantity is read as float64: without a nullable type an empty field makes the column floating point.
    sales = pd.read_csv(csv_path).dropna()
    sales["quantity"] = sales["quantity"].astype("int64")
    sales = sales[sales["quantity"] > 0]
    sales["revenue"] = sales["quantity"] * sales["unit_price"]
    daily = sales.groupby(["date", "product_id"], as_index=False, sort=False).agg(
        product_name=("product_name", "first"),
        total_quantity=("quantity", "sum"),
        total_revenue=("revenue", "sum"),
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
