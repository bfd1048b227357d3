"""Stock PySpark 3.5 with the published client jar."""
import json

import boto3

from harness import ACCESS, CACHE, DURABLE3, ROOT, SECRET, fresh_directory, spark_submit

ENGINES = ["formats", "partition-overwrite", "hive-tables", "delta", "iceberg"]


def test_textAndParquet(s3, s3_cluster):
    job = spark_submit(ROOT / "tests/compat/spark_job.py", "alluxio://127.0.0.1:19998/spark", 20000, 100, **DURABLE3)
    assert "SPARK JOB OK" in job.stdout
    assert len(s3_cluster.locations("/spark/Output/part-00000")) == 3
    s3_cluster.fs("persist", "/spark")
    parts = [s3.path(f"spark/Output/part-0000{i}").read_text() for i in range(4)]
    assert "".join(parts).splitlines() == [f"line {i} of the text" for i in range(20000)]
    assert s3.path("spark/Output/_SUCCESS").exists()
    requests = [r for r in s3.requests() if "/spark/" in r[1]]
    assert not [r for r in requests if "_temporary" in r[1]], "no temporary key ever"
    parquet = [r for r in requests if r[1].endswith(".parquet")]
    assert parquet and all(r[0] == "PUT" for r in parquet)
    assert len(parquet) == len({r[1] for r in parquet}), "one PUT a file"


def test_tableFormatsAndHiveTables(s3, s3_cluster):
    jars = sorted((CACHE / "jars/engines").glob("*.jar"))
    base = "alluxio://127.0.0.1:19998/engines"
    metastore = fresh_directory("spark-metastore")
    job = spark_submit(ROOT / "tests/compat/spark_engines.py", base, metastore / "db", jars=jars, timeout=500, conf={
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension,org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.catalog.ice": "org.apache.iceberg.spark.SparkCatalog", "spark.sql.catalog.ice.type": "hadoop",
        "spark.sql.catalog.ice.warehouse": f"{base}/iceberg",
        "spark.hadoop.fs.AbstractFileSystem.alluxio.impl": "alluxio.hadoop.AlluxioFileSystem"},
        **{"alluxio.user.file.writetype.default": "ASYNC_THROUGH", "alluxio.user.file.replication.durable": "2",
           "derby.stream.error.file": metastore / "derby.log"})
    finished = [line.split()[1] for line in job.stdout.splitlines() if line.startswith("OK ")]
    assert finished == ENGINES, job.stdout[-2000:] + job.stderr[-2000:]
    s3_cluster.fs("persist", "/engines")
    # What a plain S3 client sees is what the engines committed.
    tree = s3_cluster.fs("ls", "-R", "--json", "/engines").stdout
    files = {entry["path"]: entry["length"] for entry in json.loads(tree) if not entry["folder"]}
    client = boto3.client("s3", endpoint_url=s3.endpoint, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET, region_name="us-east-1")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix="engines/")
    objects = {"/" + item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}
    assert len(files) > 80
    assert {path: objects.get(path) for path in files} == files
    log = client.get_object(Bucket="bucket", Key="engines/delta/_delta_log/00000000000000000000.json")["Body"].read()
    assert b'"protocol"' in log
