"""A Spark job that writes as many part files as it is told, and reads them back."""
import sys

from pyspark.sql import SparkSession

output, parts = sys.argv[1], int(sys.argv[2])
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
spark.sparkContext.parallelize((f"line {i} of the text" for i in range(100 * parts)), parts).saveAsTextFile(output)
assert spark.sparkContext.textFile(output).count() == 100 * parts
print("SPARK JOB OK")
