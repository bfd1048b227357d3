"""Table formats and Hive-style tables on Spark: each check prints "OK name"."""
import sys
import threading

from pyspark.sql import SparkSession

base, metastore = sys.argv[1], sys.argv[2]
spark = (SparkSession.builder.config("spark.sql.warehouse.dir", f"{base}/warehouse")
         .config("spark.hadoop.javax.jdo.option.ConnectionURL", f"jdbc:derby:;databaseName={metastore};create=true")
         .enableHiveSupport().getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
spark.conf.set("spark.sql.shuffle.partitions", 2)


def done(name):
    print(f"OK {name}", flush=True)


def rows(query):
    return [tuple(row) for row in spark.sql(query).collect()]


def formats():
    frame = spark.range(0, 1000, 1, 2).selectExpr("id", "id % 3 as part", "concat('v', id) as value")
    for kind in ("parquet", "orc", "json", "csv"):
        frame.write.format(kind).save(f"{base}/formats/{kind}")
        back = spark.read.schema(frame.schema).format(kind).load(f"{base}/formats/{kind}")
        assert back.count() == 1000 and back.selectExpr("sum(id)").first()[0] == sum(range(1000)), kind
        frame.write.mode("append").format(kind).save(f"{base}/formats/{kind}")
        assert spark.read.schema(frame.schema).format(kind).load(f"{base}/formats/{kind}").count() == 2000, kind
        frame.write.mode("overwrite").format(kind).save(f"{base}/formats/{kind}")
        assert spark.read.schema(frame.schema).format(kind).load(f"{base}/formats/{kind}").count() == 1000, kind
    done("formats")


def partition_overwrite():
    path = f"{base}/partitions"
    frame = spark.range(0, 300, 1, 2).selectExpr("id", "id % 3 as part")
    frame.write.partitionBy("part").parquet(path)
    spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
    frame.filter("part = 1").selectExpr("id + 1000 as id", "part").write.mode("overwrite").partitionBy("part").parquet(path)
    spark.conf.set("spark.sql.sources.partitionOverwriteMode", "static")
    back = spark.read.parquet(path)
    assert back.count() == 300
    assert back.filter("part = 1").selectExpr("min(id)").first()[0] == 1001
    assert back.filter("part = 0").selectExpr("min(id)").first()[0] == 0, "the other partitions stay"
    done("partition-overwrite")


def hive():
    spark.sql("CREATE DATABASE shop")
    spark.sql("CREATE TABLE shop.sales (item STRING, amount INT) PARTITIONED BY (day STRING) STORED AS PARQUET")
    spark.sql("SET hive.exec.dynamic.partition.mode=nonstrict")
    spark.sql("INSERT INTO shop.sales PARTITION (day='mon') VALUES ('a', 1), ('b', 2)")
    spark.sql("INSERT INTO shop.sales PARTITION (day) VALUES ('c', 3, 'tue'), ('d', 4, 'wed')")
    spark.sql("INSERT OVERWRITE TABLE shop.sales PARTITION (day='mon') VALUES ('z', 26)")
    assert rows("SELECT item, amount FROM shop.sales WHERE day = 'mon'") == [("z", 26)]
    assert rows("SELECT sum(amount) FROM shop.sales") == [(33,)]
    spark.sql("ALTER TABLE shop.sales DROP PARTITION (day='tue')")
    assert rows("SELECT count(*) FROM shop.sales") == [(2,)]
    spark.sql("CREATE TABLE shop.copy STORED AS ORC AS SELECT * FROM shop.sales")
    spark.sql("ALTER TABLE shop.copy RENAME TO shop.moved")
    assert rows("SELECT count(*) FROM shop.moved") == [(2,)]
    spark.sql("DROP TABLE shop.moved")
    done("hive-tables")


def side_by_side(make_statement, writers):
    """Runs a statement per writer at once, each repeated until it commits: a conflict is an answer, not a loss."""
    failures = []

    def write(i):
        for _ in range(20):
            try:
                spark.sql(make_statement(i))
                return
            except Exception as error:  # noqa: BLE001
                last = error
        failures.append(last)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


def delta():
    table = f"delta.`{base}/delta`"
    spark.range(0, 100, 1, 2).selectExpr("id", "'first' as value").write.format("delta").save(f"{base}/delta")
    spark.range(100, 150, 1, 2).selectExpr("id", "'second' as value").write.format("delta").mode("append").save(f"{base}/delta")
    spark.sql(f"MERGE INTO {table} t USING (SELECT id, 'merged' AS value FROM range(140, 160)) s ON t.id = s.id "
              "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
    assert rows(f"SELECT count(*), count_if(value = 'merged') FROM {table}") == [(160, 20)]
    spark.sql(f"DELETE FROM {table} WHERE id < 10")
    assert rows(f"SELECT count(*) FROM {table} VERSION AS OF 1") == [(150,)], "time travel"
    spark.range(0, 5, 1, 1).selectExpr("id", "'new' as value").write.format("delta").mode("overwrite").save(f"{base}/delta")
    side_by_side(lambda i: f"INSERT INTO {table} VALUES ({1000 + i}, 'side')", 4)
    assert rows(f"SELECT count(*), count_if(value = 'side') FROM {table}") == [(9, 4)]
    assert rows(f"SELECT count(*) FROM {table} VERSION AS OF 0") == [(100,)]
    done("delta")


def iceberg():
    spark.sql("CREATE TABLE ice.db.t (id BIGINT, value STRING) USING iceberg PARTITIONED BY (bucket(2, id))")
    spark.sql("INSERT INTO ice.db.t SELECT id, 'first' FROM range(100)")
    first = rows("SELECT snapshot_id FROM ice.db.t.snapshots ORDER BY committed_at")[0][0]
    spark.sql("INSERT INTO ice.db.t SELECT id, 'second' FROM range(100, 150)")
    spark.sql("MERGE INTO ice.db.t t USING (SELECT id, 'merged' AS value FROM range(140, 160)) s ON t.id = s.id "
              "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
    assert rows("SELECT count(*), count_if(value = 'merged') FROM ice.db.t") == [(160, 20)]
    spark.sql("DELETE FROM ice.db.t WHERE id < 10")
    assert rows(f"SELECT count(*) FROM ice.db.t VERSION AS OF {first}") == [(100,)], "time travel"
    spark.sql("INSERT OVERWRITE ice.db.t SELECT id, 'new' FROM range(5)")
    side_by_side(lambda i: f"INSERT INTO ice.db.t VALUES ({1000 + i}, 'side')", 4)
    assert rows("SELECT count_if(value = 'side') FROM ice.db.t") == [(4,)]
    done("iceberg")


for check in (formats, partition_overwrite, hive, delta, iceberg):
    check()
