"""ONNX files of every network: their size, how far they are from the network, and how long one map takes, beside JAX.

    pip install '.[onnx]' && python benchmarks/export.py

Networks have first weights; gathers are normal numbers, of the size that the preset takes. Times are medians of calls with one
sample, of onnxruntime and of the compiled network, on processors. Each network has a process of its own.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import tyro
from matplotlib.figure import Figure
from reporting import alone, bars, device_name, markdown, now, options_of, table, write, write_text

from adseis.cli.runs import versions
from adseis.data.openfwi_layout import GATHERS, SHRUNK
from adseis.networks.adapters import counts
from adseis.networks.onnx_files import compare_onnx, export_onnx
from adseis.training.presets import preset_of
from adseis.viz.figures import new_figure

PRESETS = ("inversionnet", "unet", "swin-unet", "inversionnet-small", "unet-small", "swin-unet-small")
"""Of the others, `velocitygan` exports InversionNet, `foundation` the small Swin-U-Net."""


@dataclass(frozen=True)
class Benchmark:
    """Measure ONNX files."""

    presets: tuple[str, ...] = PRESETS
    """Which networks."""
    repeats: int = 9
    """Timed calls."""
    output: Path = Path("runs/benchmarks/export")
    """Where to write, without extension: .json, .png and .md."""


def measured(name: str, repeats: int) -> dict[str, Any]:
    """A row; meant for a process of its own."""
    preset = preset_of(name)
    inverter = preset.inverter(preset.network(0))
    network = eqx.nn.inference_mode(inverter.network)
    shape = SHRUNK if inverter.transforms.small else GATHERS
    gathers = np.random.default_rng(0).standard_normal((1, *shape)).astype("float32")
    row: dict[str, Any] = {"network": name, "weights": counts(network)[1], "gathers": " x ".join(map(str, shape))}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("float32", "int8"):
            path = Path(folder) / f"{kind}.onnx"
            export_onnx(inverter.network, path, shape, int8=kind == "int8")
            found = compare_onnx(path, inverter.network, gathers)
            row |= {
                f"{kind} [MB]": path.stat().st_size / 1e6,
                f"{kind}, difference / peak": found.difference / found.peak,
                f"{kind} [ms]": 1e3 * found.latency,
            }
    call = eqx.filter_jit(lambda network, gathers: jax.vmap(network)(gathers))
    jax.block_until_ready(call(network, gathers))
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        jax.block_until_ready(call(network, gathers))
        taken.append(time.perf_counter() - begun)
    return row | {"JAX [ms]": 1e3 * statistics.median(taken)}


def picture(rows: Sequence[dict[str, Any]]) -> Figure:
    """Size, difference and time."""
    figure = new_figure(11.0, 1.2 + 0.35 * len(rows))
    labels = [row["network"] for row in rows]
    for panel, what in zip(figure.subplots(1, 3), ("float32 [MB]", "float32 [ms]", "JAX [ms]"), strict=True):
        bars(panel, labels, [row[what] for row in rows], ["C0"] * len(rows), what)
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    device, rows = alone(device_name), []
    for name in settings.presets:
        rows.append(alone(measured, name, settings.repeats))
        print(table([rows[-1]]), flush=True)
    packages = versions() | {name: version(name) for name in ("jax2onnx", "onnxruntime")}
    record = {"date": now(), "device": device, "settings": options_of(settings), "versions": packages, "rows": rows}
    write(record, picture(rows), settings.output)
    text = f"{device}, {record['date']}; by `python benchmarks/export.py`.\n\n{markdown(rows)}\n"
    write_text(text, settings.output.with_suffix(".md"))


if __name__ == "__main__":
    main()
