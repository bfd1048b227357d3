"""Spark jobs, timed without Spark's start: spark_bench.py BASE [JOB ...]; all of them if none is named."""
import json
import sys
import time

from pyspark.sql import SparkSession


def text(spark, base, parts):
    lines = spark.sparkContext.parallelize((f"line {i} of the text" for i in range(200_000)), parts).cache()
    lines.count()
    return lambda: lines.saveAsTextFile(f"{base}/text-{parts}")


def parquet(spark, base):
    frame = spark.range(0, 40_000, 1, 4).selectExpr("id", "id % 100 as part", "concat('v', id) as value").cache()
    frame.count()
    return lambda: frame.write.partitionBy("part").parquet(f"{base}/table")


JOBS = {
    "text in 4 parts s": lambda spark, base: text(spark, base, 4),
    "text in 64 parts s": lambda spark, base: text(spark, base, 64),
    "parquet of 400 files s": parquet,
}
session = SparkSession.builder.getOrCreate()
session.sparkContext.setLogLevel("ERROR")
session.range(0, 1000, 1, 4).selectExpr("sum(id)").first()  # executors and code generation are warm
seconds = {}
for name in sys.argv[2:] or ["text in 4 parts s", "parquet of 400 files s"]:
    job = JOBS[name](session, sys.argv[1])
    begin = time.monotonic()
    job()
    seconds[name] = time.monotonic() - begin
print(json.dumps(seconds))
