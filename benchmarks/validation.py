"""One table of what is validated: what is compared with what, how well the two agree, how well they have to, and why.

python benchmarks/validation.py                  # all rows, half an hour on two cores; exit code 1 if one fails
python benchmarks/validation.py --only lamb      # those whose name holds this: they replace the stored ones

Set-ups, oracles and bounds live in tests/: a row runs a test, and takes the figures that the oracle measured in it. As there,
programs are compiled in haste, which takes longer than running them.
"""

import argparse
import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import jax
from reporting import markdown, now, processor_name, table, write_text
from tqdm import tqdm
from validation_measures import Found, Row
from validation_rows import TOPICS

TESTS = Path(__file__).resolve().parents[1] / "tests"
RESULTS = Path(__file__).parent / "results" / "validation"
HASTE = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"


def run(row: Row) -> dict[str, Any]:
    """One line of the table."""
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*points per shortest wavelength")
        try:
            found = row.measure()
        except Exception as error:  # a row that breaks fails, and the others go on
            found = Found([], f"{row.name}: {type(error).__name__}: {str(error).splitlines()[0]}")
    figure = max(found.figures, default=float("nan"))
    return {
        "name": row.name,
        "setting": row.setting,
        "reference": row.reference,
        "ours": figure,
        "at most": row.tolerance,
        "why": row.why,
        "passed": "yes" if figure <= row.tolerance and not found.failed else "NO",
        "measured": now()[:10],
        "processor": processor_name(),
        "figures": found.figures,
        "failed": [found.failed] if found.failed else [],
        "seconds": [round(time.perf_counter() - begun, 1)],
    }


def stored(path: Path) -> dict[str, dict[str, Any]]:
    """The rows of a table that was written before, by name."""
    if not path.exists():
        return {}
    record = json.loads(path.read_text(encoding="utf-8"))
    then = {"measured": record["date"][:10], "processor": record["processor"]}
    return {row["name"]: row | {key: row.get(key, value) for key, value in then.items()} for row in record["rows"]}


def store(lines: list[dict[str, Any]], rows: list[Row], output: Path) -> None:
    """Put these lines in the place of those of the same name, and drop what is no longer a row."""
    known = stored(output.with_suffix(".json")) | {line["name"]: line for line in lines}
    ordered = [known[row.name] for row in rows if row.name in known]
    record = {"date": now(), "processor": processor_name(), "jax": jax.__version__, "rows": ordered}
    write_text(json.dumps(record, indent=2) + "\n", output.with_suffix(".json"))
    write_text(markdown([_shown(row) for row in ordered]) + "\n", output.with_suffix(".md"))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """What the table has room for."""
    return {key: value for key, value in row.items() if key != "processor"}


def main() -> int:
    """The table, as text, JSON and Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose name holds this; the others stay as they are stored")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    os.environ["XLA_FLAGS"] = f"{HASTE} {os.environ.get('XLA_FLAGS', '')}"
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", 4)
    sys.path[:0] = [str(TESTS), *(str(TESTS / folder) for folder in ("waves", "parallel", "sphere"))]
    rows = [row for topic in TOPICS for row in topic()]
    chosen = [row for row in rows if arguments.only in row.name]
    if not chosen:
        sys.exit(f"no row has `--only` = {arguments.only!r} in its name; there are {', '.join(row.name for row in rows)}.")
    lines = []
    for row in tqdm(chosen, desc="validation"):
        lines.append(run(row))
        store(lines, rows, arguments.output)
    print(table([_shown(line) for line in lines]))
    failures = [text for line in lines for text in line["failed"]]
    print(*failures, sep="\n", end="\n" if failures else "")
    return 1 if any(line["passed"] != "yes" for line in lines) else 0


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    sys.exit(main())
