"""The Spark jobs of the compat tests: text lines, and a partitioned parquet table written and read."""
import sys

from pyspark.sql import SparkSession

base, lines = sys.argv[1], int(sys.argv[2])
partitions = int(sys.argv[3])
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
text = spark.sparkContext.parallelize((f"line {i} of the text" for i in range(lines)), 4)
text.saveAsTextFile(f"{base}/Output")
assert spark.sparkContext.textFile(f"{base}/Output").count() == lines
frame = spark.range(0, partitions * 100, 1, 2).selectExpr("id", f"id % {partitions} as part", "concat('v', id) as value")
frame.write.partitionBy("part").parquet(f"{base}/table")
back = spark.read.parquet(f"{base}/table")
assert back.count() == partitions * 100, back.count()
assert back.selectExpr("sum(id)").first()[0] == sum(range(partitions * 100))
assert back.select("part").distinct().count() == partitions
print("SPARK JOB OK")
