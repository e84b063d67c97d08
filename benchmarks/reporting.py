"""What the benchmarks share: the device's name, tables, bars, and a JSON file beside a picture."""

import json
import multiprocessing
import os
import platform
import resource
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adseis.files import written_whole
from adseis.viz.figures import save_figure


def processor_name() -> str:
    """The processor and its cores."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores"


def device_name() -> str:
    """The accelerator, or the processor and its cores."""
    device = jax.devices()[0]
    return processor_name() if device.platform == "cpu" else device.device_kind


def now() -> str:
    """The date and time, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's result, from a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_megabytes() -> float:
    """The most memory that this process has had: on its accelerator, or as a process."""
    told = jax.devices()[0].memory_stats() or {}
    if "peak_bytes_in_use" in told and jax.default_backend() != "cpu":
        return told["peak_bytes_in_use"] / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def options_of(settings: Any) -> dict[str, Any]:
    """The options of a benchmark as JSON holds them, but where it writes."""
    options = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(settings).items() if k != "output"}
    return json.loads(json.dumps(options))


def only_these(settings: Any, folder: Path, *, free: Sequence[str]) -> None:
    """Refuse a folder of rows that were made with other options than these; those in `free` may be others."""
    path, now_asked = folder / "settings.json", {k: v for k, v in options_of(settings).items() if k not in free}
    if not path.exists():
        write_text(json.dumps(now_asked, indent=2) + "\n", path)
    asked = json.loads(path.read_text(encoding="utf-8"))
    for name, value in now_asked.items():
        if asked.get(name) != value:
            raise SystemExit(f"{folder} holds rows of --{name} {asked.get(name)}, not {value}: name another --output.")


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as aligned text; lists stay in the JSON."""
    cells = _cells(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as a Markdown table; lists stay in the JSON."""
    head, *body = _cells(rows)
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bars(axes: Axes, labels: Sequence[str], values: Sequence[float], colors: Sequence[str], label: str) -> None:
    """Horizontal bars from the top down, each with its number."""
    drawn = axes.barh(labels, values, color=colors)
    axes.bar_label(drawn, fmt="%.3g", padding=3, fontsize="small")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.label_outer()


def write(record: dict[str, Any], figure: Figure, output: Path) -> None:
    """`output`.json and `output`.png, each whole or not at all."""
    write_text(json.dumps(record, indent=2) + "\n", output.with_suffix(".json"))
    save_figure(figure, output.with_suffix(".png"))


def write_text(text: str, path: Path) -> None:
    """A text file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _cells(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    names = list(dict.fromkeys(k for row in rows for k, v in row.items() if not isinstance(v, list)))
    return [names, *([f"{v:.4g}" if isinstance(v := row.get(k, ""), float) else str(v) for k in names] for row in rows)]
