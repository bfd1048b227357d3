"""The Java API of the published client jar."""
from harness import ROOT, java_options, run, shaded_class_path


def test_api(s3_cluster):
    result = run(["java", *java_options(), "-cp", shaded_class_path(), ROOT / "tests/compat/ApiCheck.java"], timeout=180)
    assert "API OK" in result.stdout, result.stdout + result.stderr
