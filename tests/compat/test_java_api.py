"""The Java API of the published client jar."""
from harness import ROOT, java_options, run, shaded_class_path


def test_api(s3_cluster):
    result = run(["java", *java_options(), "-cp", shaded_class_path(), ROOT / "tests/compat/ApiCheck.java"], timeout=180)
    assert "API OK" in result.stdout, result.stdout + result.stderr


def test_extendedAttributes(s3_cluster):
    result = run(["java", *java_options(), "-cp", shaded_class_path(), ROOT / "tests/compat/XattrCheck.java"], timeout=180, check=False)
    assert "XATTR OK" in result.stdout, result.stdout + result.stderr
    s3_cluster.kill("master")
    s3_cluster.restart("master")
    s3_cluster.await_persisted("/xattr/g")
    again = run(["java", *java_options(), "-cp", shaded_class_path(), ROOT / "tests/compat/XattrCheck.java", "again"], timeout=180, check=False)
    assert "XATTR OK" in again.stdout, again.stdout + again.stderr
