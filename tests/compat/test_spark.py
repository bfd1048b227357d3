"""Stock PySpark 3.5 with the published client jar."""
from harness import DURABLE3, ROOT, spark_submit


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
