"""Chaos for a few minutes; `make chaos` runs it for half an hour."""
import subprocess
import sys

from harness import ROOT


def test_everythingAcknowledgedStays():
    result = subprocess.run([sys.executable, ROOT / "tests" / "chaos" / "chaos.py", "--minutes", "2", "--seed", "1"],
                            capture_output=True, text=True, timeout=580)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
