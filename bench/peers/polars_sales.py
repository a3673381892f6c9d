"""The sales job with Polars: lazy, on the streaming engine, with its exact decimals."""

import sys

import polars as pl
from sqlite_table import replace_table

SCHEMA = {
    "date": pl.String,
    "product_id": pl.String,
    "product_name": pl.String,
    "quantity": pl.Int64,
    "unit_price": pl.Decimal(18, 2),
}


def main(csv_path: str, database_path: str) -> None:
    daily = (
        pl.scan_csv(csv_path, schema=SCHEMA)
        .drop_nulls()
        .filter(pl.col("quantity") > 0)
        .group_by("date", "product_id")
        .agg(
            pl.col("product_name").first(),
            pl.col("quantity").sum().alias("total_quantity"),
            (pl.col("quantity") * pl.col("unit_price")).sum().cast(pl.Float64).alias("total_revenue"),
        )
        .collect(engine="streaming")
    )
    replace_table(database_path, daily.iter_rows())


if __name__ == "__main__":
    main(*sys.argv[1:3])
