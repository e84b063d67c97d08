"""One table of what is validated: what is compared with what, how well the two agree, how well they have to, and why.

python benchmarks/validation.py                  # all rows, half an hour on two cores; exit code 1 if one fails
python benchmarks/validation.py --only lamb      # those whose name holds this

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
        "figures": found.figures,
        "failed": [found.failed] if found.failed else [],
        "seconds": [round(time.perf_counter() - begun, 1)],
    }


def main() -> int:
    """The table, as text, JSON and Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose name holds this; nothing is written then")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    os.environ["XLA_FLAGS"] = f"{HASTE} {os.environ.get('XLA_FLAGS', '')}"
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", 4)
    sys.path[:0] = [str(TESTS), str(TESTS / "waves"), str(TESTS / "parallel")]
    rows = [row for topic in TOPICS for row in topic()]
    chosen = [row for row in rows if arguments.only in row.name]
    if not chosen:
        sys.exit(f"no row has `--only` = {arguments.only!r} in its name; there are {', '.join(row.name for row in rows)}.")
    lines = [run(row) for row in tqdm(chosen, desc="validation")]
    print(table(lines))
    failures = [text for line in lines for text in line["failed"]]
    print(*failures, sep="\n", end="\n" if failures else "")
    if not arguments.only:
        record = {"date": now(), "processor": processor_name(), "jax": jax.__version__, "rows": lines}
        write_text(json.dumps(record, indent=2) + "\n", arguments.output.with_suffix(".json"))
        write_text(markdown(lines) + "\n", arguments.output.with_suffix(".md"))
    return 1 if any(line["passed"] != "yes" for line in lines) else 0


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    sys.exit(main())
