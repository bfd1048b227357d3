"""Two Spark jobs, timed without Spark's start: text in 4 parts, parquet of 100 partitions of 4 files."""
import json
import sys
import time

from pyspark.sql import SparkSession

base = sys.argv[1]
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
spark.range(0, 1000, 1, 4).selectExpr("sum(id)").first()  # executors and code generation are warm
text = spark.sparkContext.parallelize((f"line {i} of the text" for i in range(200_000)), 4).cache()
text.count()
begin = time.monotonic()
text.saveAsTextFile(f"{base}/text")
text_seconds = time.monotonic() - begin
frame = spark.range(0, 40_000, 1, 4).selectExpr("id", "id % 100 as part", "concat('v', id) as value").cache()
frame.count()
begin = time.monotonic()
frame.write.partitionBy("part").parquet(f"{base}/table")
print(json.dumps({"text in 4 parts s": text_seconds, "parquet of 400 files s": time.monotonic() - begin}))
