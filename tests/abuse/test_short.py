"""The worst of the crowds for a second each; make abuse runs all of them."""
import pathlib
import subprocess
import sys


def test_abuse_short():
    abuse = pathlib.Path(__file__).with_name("abuse.py")
    result = subprocess.run([sys.executable, abuse, "--seconds", "1", "--only", "idle,idle_http2,rapid_reset,header_bomb,garbage,many_streams"],
                            capture_output=True, text=True, timeout=300)
    print(result.stdout[-6000:], result.stderr[-4000:])
    assert result.returncode == 0 and "all recovered" in result.stdout
