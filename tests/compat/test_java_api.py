"""The Java API of the published client jar."""
from harness import CACHE, ROOT, java_options, run


def test_api(s3_cluster):
    jar = CACHE / "jars" / "alluxio-shaded-client-2.9.3.jar"
    # The jar leaves logging to whoever uses it.
    logging = [p for pattern in ("slf4j-api-*", "slf4j-reload4j-*", "reload4j-*")
               for p in (CACHE / "jars" / "shell").glob(pattern + ".jar")]
    classpath = ":".join(str(p) for p in [jar, *logging])
    result = run(["java", *java_options(), "-cp", classpath, ROOT / "tests/compat/ApiCheck.java"], timeout=180)
    assert "API OK" in result.stdout, result.stdout + result.stderr
