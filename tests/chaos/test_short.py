"""A minute of chaos; make chaos runs half an hour of it."""
import pathlib
import subprocess
import sys


def test_chaos_aMinute():
    chaos = pathlib.Path(__file__).with_name("chaos.py")
    result = subprocess.run([sys.executable, chaos, "--minutes", "1"], capture_output=True, text=True, timeout=540)
    print(result.stdout[-4000:], result.stderr[-4000:])
    assert result.returncode == 0 and "all promises held" in result.stdout
