"""`adseis train export`: a trained network as ONNX, checked, with a card that tells what it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from adseis.cli.option_groups import Flag
from adseis.cli.train_evaluate import Evaluate, data_of
from adseis.cli.train_predict import gathers_of
from adseis.cli.training_options import RunArgument
from adseis.cli.training_report import model_card
from adseis.cli.training_runs import inverter_of
from adseis.data.openfwi_layout import GATHERS, SHRUNK
from adseis.files import check_writable, written_whole
from adseis.networks.adapters import Adapted, merge
from adseis.networks.onnx_files import export_onnx
from adseis.networks.weights import write_weights
from adseis.training.trained_network import Inverter

COMPARED = 8
"""Samples that the files are compared on."""


@dataclass(frozen=True)
class ExportOptions:
    """What is exported.

    Attributes:
        output: File, `*.onnx`, with the card and the plain weights, adapters merged, beside; by default RUN/network.onnx.
        int8: Write a second file of weights rounded to 8 bits, and tell its error.
        data: Gathers that the files are compared with the network on, `.npy`, of which eight are taken; by default some that the
            training held back, or random numbers where these are gone.
    """

    output: Path | None = None
    int8: Flag = False
    data: Path | None = None


@dataclass(frozen=True)
class Export(ExportOptions, RunArgument):
    """Write the averaged network of the best validation as ONNX, for any batch; needs jax2onnx (pip install 'adseis[onnx]')."""

    GROUPS: ClassVar = {"": RunArgument, "export": ExportOptions}
    EXAMPLES: ClassVar[str] = """examples:
  adseis train export runs/train-unet-small --int8
"""


def run(config: Export) -> int:
    """Export, compare, tell.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If there is no trained network.
        ValueError: If a file is damaged.
        ImportError: If jax2onnx or onnxruntime is not installed.
        RuntimeError: If the file says another thing than the network.
        OSError: If a file cannot be written.
    """
    output = config.output or config.run / "network.onnx"
    check_writable(output.parent)
    inverter, about = inverter_of(config.run)
    shape = SHRUNK if inverter.transforms.small else GATHERS
    inputs, of = _inputs(config, inverter, shape)
    rows: dict[str, object] = {"compared on": of}
    for path, int8 in ((output, False), *(((output.with_stem(f"{output.stem}-int8"), True),) if config.int8 else ())):
        found = export_onnx(inverter.network, path, shape, int8=int8, samples=inputs)
        rows[path.name] = (
            f"{path.stat().st_size / 1e6:.1f} MB, differs by {found.difference:.2g} at most (peak {found.peak:.2g}), "
            f"{1e3 * found.latency:.1f} ms for {len(inputs)} samples"
        )
        print(f"{path}: {rows[path.name]}")
    if (plain := merged(inverter.network)) is not None:
        weights = output.with_suffix(".safetensors")
        told = {"preset": about.get("preset"), "transforms": inverter.transforms.about(), "method": "merged"}
        write_weights(weights, plain, told)
        print(f"{weights}: plain weights, for `adseis train openfwi --weights`")
    card = output.with_name(f"{output.stem}-card.md")
    with written_whole(card) as partial:
        partial.write_text(model_card(inverter, about, rows), encoding="utf-8")
    print(f"card: {card}")
    return 0


def merged(network: Any) -> Any | None:
    """A network without adapters.

    Args:
        network: Any.

    Returns:
        The network that does the same; None where bottlenecks are in it, for which there is none.
    """
    if not isinstance(network, Adapted):
        return network
    return merge(network) if network.recipe.kind == "lora" else None


def _inputs(config: Export, inverter: Inverter, shape: tuple[int, ...]) -> tuple[np.ndarray, str]:
    """What the network and the files are both given, and what that is."""
    if config.data is not None:
        gathers, of = gathers_of(config.data)[:COMPARED], config.data.name
    else:
        try:
            held = data_of(Evaluate(config.run))
        except (FileNotFoundError, ValueError):  # an export must not need the data
            return np.random.default_rng(0).normal(size=(4, *shape)).astype("float32"), "random numbers"
        gathers = held.batch(np.linspace(0, len(held) - 1, min(COMPARED, len(held))).astype(int)).gathers
        of = "gathers that were held back"
    transformed = inverter.transforms.gathers(inverter.transforms.sized(jnp.asarray(gathers)))
    return np.asarray(transformed), f"{len(gathers)} of {of}"
