"""How long the tests take: this run's against the recorded ones, what was added, and the ten slowest.

pytest --junitxml=FILE && python tests/durations.py FILE             # compares, as `.ci/run` does
pytest --junitxml=FILE && python tests/durations.py FILE --record    # writes tests/durations.json anew
"""

import argparse
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

RECORD = Path(__file__).with_suffix(".json")
WORTH_KEEPING = 0.5  # s; shorter ones are noise
LIMIT = 10.0  # s; a longer test is to be marked `slow`; said, not enforced, since machines differ


def read(path):
    """Seconds of every test that ran, set-up included, by its node."""
    cases = ET.parse(path).getroot().iter("testcase")
    ran = [case for case in cases if case.find("skipped") is None and case.get("classname")]
    return {f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}": float(case.get("time")) for case in ran}


def report(seconds, recorded):
    """Lines that say what is new, what grew, and what is slowest."""
    known = recorded["tests"]
    new = {name: s for name, s in seconds.items() if s > 2 * WORTH_KEEPING and name not in known}
    grown = {name: s for name, s in seconds.items() if name in known and s > 2 * known[name] + 1}
    lines = [f"{len(seconds)} tests took {sum(seconds.values()):.0f} s of the workers; recorded: {recorded['total']:.0f} s"]
    for title, some in (("added", new), ("more than twice as long as recorded", grown), ("slowest", seconds)):
        longest = sorted(some, key=lambda name: -some[name])[:10]
        lines += [f"{title}: {len(some)}, {sum(some.values()):.0f} s" if some is not seconds else "the ten slowest:"]
        lines += [f"{some[name]:8.1f} s  {name}" for name in longest]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="what `pytest --junitxml` wrote")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    args = parser.parse_args()
    seconds = read(args.file)
    if args.record:
        kept = {name: round(s, 1) for name, s in sorted(seconds.items()) if s >= WORTH_KEEPING}
        RECORD.write_text(json.dumps({"total": round(sum(seconds.values())), "tests": kept}, indent=0) + "\n")
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {"total": 0, "tests": {}}
    lines = report(seconds, recorded)
    long = [name for name, s in seconds.items() if s > LIMIT]
    lines += [f"WARNING: over {LIMIT:.0f} s, to be shortened or marked `slow`: {name}" for name in long]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
