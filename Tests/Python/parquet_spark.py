"""Spark reads a file of ours and writes what it understood; run by Spark's own Python, with the file's path.

Nanoseconds are read as numbers: Spark has no such timestamps. Columns of the type null are left out: Spark cannot write them.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, NullType

spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.legacy.parquet.nanosAsLong", "true")
    .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    .config("spark.sql.parquet.int96RebaseModeInWrite", "CORRECTED")
    .config("spark.sql.parquet.datetimeRebaseModeInRead", "CORRECTED")
    .config("spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED")
    .getOrCreate())
path = sys.argv[1]
frame = spark.read.parquet(path)


def is_null(kind):
    return isinstance(kind, NullType) or isinstance(kind, ArrayType) and isinstance(kind.elementType, NullType)


kept = [field.name for field in frame.schema.fields if not is_null(field.dataType)]
frame.select(*[f"`{name}`" for name in kept]).coalesce(1).write.mode("overwrite").parquet(path + ".spark")
print(f"{frame.count()} rows, {len(kept)} columns")
spark.stop()
