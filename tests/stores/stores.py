"""make compat-stores: Spillway over real S3 servers; prints the tables of docs/STORES.md, and writes them there.

    python stores.py [--stores NAME,…] [--scenarios FUNCTION,…] [--trace] [--profiles]

Each server gets a fresh folder, its profile is taken raw, then a master and three workers run every scenario over it. --trace puts a
recording proxy between and tells the last requests of what fails. Ends with 1 if a row is red; the document is only written by
a whole run.
"""
import argparse
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from expected import DIFFERENCES, NOTES  # noqa: E402
from harness import ACCESS, SECRET, Cluster, fresh_directory  # noqa: E402
from raw import RawClient  # noqa: E402
from s3_proxy import S3Proxy  # noqa: E402
from scenarios import PROPERTIES, SCENARIOS, Bench  # noqa: E402
from servers import SERVERS  # noqa: E402
from store_profile import FEATURES, PROBES, features_of, run_profile  # noqa: E402

BEGIN, END = "<!-- tables -->\n", "<!-- end of tables -->\n"
HOLDS, DIFFERS, MAY_DIFFER, FAILED = "holds", "differs", "may differ", "**FAILED**"


class Result:
    """What came of one server: its profile, and (outcome, what was said) of each scenario's function."""

    def __init__(self, name):
        self.name, self.version, self.profile, self.outcomes = name, "?", {}, {}


def judge(store, function, error):
    """(outcome, explanation) of a scenario; error: what it said, None if it held."""
    difference = DIFFERENCES.get((store, function))
    if difference is None:
        return (HOLDS, "") if error is None else (FAILED, error)
    if error is not None and not difference.explains(error):
        return FAILED, error
    if not difference.always:  # the same words whatever came first: a rerun changes nothing in the document
        return MAY_DIFFER, difference.reason
    if error is None:
        return FAILED, f"holds, although it was expected to differ: {difference.reason}"
    return DIFFERS, difference.reason


def run_scenario(bench, proxy, function):
    """What it said when it failed; None if it held."""
    seen = len(proxy.requests) if proxy else 0
    try:
        function(bench)
        return None
    except Exception as error:  # the other scenarios are worth having whatever this one met
        text = str(error).strip() if isinstance(error, AssertionError) else traceback.format_exc()
        if proxy:
            trace = [f"{method} {key}{'?' + query if query else ''} {status}" for _, method, key, query, status, _ in proxy.requests[seen:]]
            (bench.server.directory / f"trace-{function.__name__}.txt").write_text("\n".join(trace) + "\n")
            text += "\n  last requests:\n    " + "\n    ".join(trace[-15:])
        return text or "an assertion without words"


def run_server(kind, chosen, trace):
    result, server, proxy, cluster = Result(kind.name), kind(), None, None
    try:
        server.start()
        result.version = server.version()
        server.profile = result.profile = run_profile(RawClient(server.port, ACCESS, SECRET, "profile"))
        if not chosen:
            return result
        properties = {**server.properties(), **PROPERTIES}
        if trace:
            proxy = S3Proxy(server.port, server.port + 9).start()
            properties["alluxio.underfs.s3.endpoint"] = proxy.endpoint
        cluster = Cluster(fresh_directory(f"stores-{kind.name}-cluster"), properties=properties)
        cluster.start()
        bench = Bench(server, cluster)
        for title, function in chosen:
            begun = time.monotonic()
            error = run_scenario(bench, proxy, function)
            outcome, words = judge(kind.name, function.__name__, error)
            result.outcomes[function.__name__] = (outcome, words)
            print(f"{kind.name} | {title} | {outcome} | {time.monotonic() - begun:.1f} s" + (f"\n  {words}" if outcome == FAILED else ""), flush=True)
    except Exception:  # the other servers are worth having whatever became of this one
        print(f"{kind.name} | **could not be run**\n{traceback.format_exc()}", flush=True)
    finally:
        if cluster is not None:
            cluster.stop()
        if proxy is not None:
            proxy.stop()
        server.stop()
    if any(outcome == FAILED for outcome, _ in result.outcomes.values()) or len(result.outcomes) < len(chosen):
        print(f"{kind.name}: logs are in {server.log} and {fresh_name(cluster)}", flush=True)
    return result


def fresh_name(cluster):
    return cluster.directory / "logs" if cluster is not None else "(no cluster)"


def header(results, first):
    names = [f"{r.name} {r.version}" for r in results]
    return [f"| {first} | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]


def cell(text):
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def tables(results):
    lines = ["## What the stores can do", "", "Seen in raw requests by `tests/stores/store_profile.py`.", "", *header(results, "feature")]
    features = [features_of(r.profile) for r in results]
    lines += [f"| {name}: {what} | " + " | ".join(found[name] for found in features) + " |" for name, (what, _, _) in FEATURES.items()]
    lines += ["", "## What Spillway does on them", "", *header(results, "scenario")]
    if not any(r.outcomes for r in results):
        lines[-2:] = ["No scenario was run when this was written: the profiles alone were taken."]
    for title, function in SCENARIOS if any(r.outcomes for r in results) else []:
        lines.append(f"| {title} | " + " | ".join(r.outcomes.get(function.__name__, ("**not run**", ""))[0] for r in results) + " |")
    lines += ["", "## What remains different", ""]
    titles = {function.__name__: title for title, function in SCENARIOS}
    for result in results:
        said = [f"{titles[name]}: {words}" for name, (outcome, words) in result.outcomes.items() if outcome in (DIFFERS, MAY_DIFFER)]
        lines += [f"**{result.name}**", "", *[f"- {cell(text)}" for text in said + NOTES.get(result.name, [])], ""]
        if not said and not NOTES.get(result.name):
            lines[-1:] = ["- nothing that was tried", ""]
    lines += ["## Every request that was tried", "", *header(results, "request")]
    for name, _ in PROBES:
        seen = [r.profile.get(name, ("?", "")) for r in results]
        lines.append(f"| {cell(name)} | " + " | ".join(verdict if verdict in ("honoured", "ignored") else cell(f"{verdict}: {what}")[:160]
                                                       for verdict, what in seen) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--stores", default="")
    parser.add_argument("--scenarios", default="")
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--profiles", action="store_true")
    arguments = parser.parse_args()
    stores, functions = set(filter(None, arguments.stores.split(","))), set(filter(None, arguments.scenarios.split(",")))
    kinds = [kind for kind in SERVERS if not stores or kind.name in stores]
    chosen = [row for row in SCENARIOS if (not functions or row[1].__name__ in functions) and not arguments.profiles]
    unknown = stores - {kind.name for kind in SERVERS} | functions - {row[1].__name__ for row in SCENARIOS}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    results = [run_server(kind, chosen, arguments.trace) for kind in kinds]
    printed = tables(results)
    print(printed)
    if not stores and not functions:
        document = ROOT / "docs/STORES.md"
        before, rest = document.read_text().split(BEGIN)
        document.write_text(before + BEGIN + printed + END + rest.split(END)[1])
    rows = [outcome for r in results for outcome, _ in r.outcomes.values()]
    missing = len(results) * len(chosen) - len(rows)
    print(f"{len(results)} stores, {len(chosen)} scenarios: {rows.count(HOLDS)} hold, {rows.count(DIFFERS)} differ as expected, "
          f"{rows.count(MAY_DIFFER)} may differ, "
          f"{rows.count(FAILED)} failed, {missing} not run")
    return 1 if rows.count(FAILED) or missing or not all(r.profile for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
