"""make compat: every compatibility test, real Alluxio beside included; prints the table of docs/COMPATIBILITY.md with what came
of each row, and writes it there. Ends with 1 if a row is red."""
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from features import FEATURES, table  # noqa: E402
from harness import fresh_directory  # noqa: E402

BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


def outcomes_of(report):
    """Whether all cases of a test, and of a file, passed."""
    found = {}
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        file = case.get("classname").removeprefix("compat.").replace(".", "/") + ".py"
        test = case.get("name").split("[")[0]
        passed = case.find("failure") is None and case.find("error") is None and case.find("skipped") is None
        for name in (f"{file}::{test}", file):
            found[name] = found.get(name, True) and passed
    return found


class Figures(dict):
    """What tests have recorded; "?" for what did not come."""

    def __missing__(self, key):
        return "?"


def figures_of(report):
    return Figures({item.get("name"): item.get("value") for item in xml.etree.ElementTree.parse(report).iter("property")})


def main():
    report = fresh_directory("compat") / "report.xml"
    suites = sorted({test.split("::")[0] for row in FEATURES for test in row[4]})
    environment = {**os.environ, "SPILLWAY_CLIENT_VERSIONS": "2.7.4,2.8.1,2.9.0,2.9.3,2.9.6", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", f"--junitxml={report}",
                    *[HERE / suite for suite in suites]], env=environment, cwd=HERE.parent, check=False)
    outcomes = outcomes_of(report)
    figures = figures_of(report)
    printed = table(outcomes, figures)
    print(printed)
    document = ROOT / "docs/COMPATIBILITY.md"
    text = document.read_text()
    before, rest = text.split(BEGIN)
    document.write_text(before + BEGIN + table(figures=figures) + END + rest.split(END)[1])
    red = printed.count("**FAILED**") + printed.count("**not run**")
    print(f"{len(FEATURES)} rows, {red} red; {sum('::' in name for name in outcomes)} tests, "
          f"{sum('::' in name and not passed for name, passed in outcomes.items())} failed")
    return 1 if red or not all(outcomes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
