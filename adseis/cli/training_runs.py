"""What a training shows while it lasts, and what is read of one that has ended."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np
from tqdm import tqdm

from adseis.cli.runs import RunFolder
from adseis.data.openfwi import Dataset
from adseis.files import read_json_lines
from adseis.networks.adapters import read_adapter
from adseis.networks.weights import read_about
from adseis.training.keeping import BEST, METRICS
from adseis.training.presets import Preset, preset_of
from adseis.training.trained_network import Inverter, read_inverter
from adseis.viz.figures import save_figure
from adseis.viz.training import plot_learning, plot_predictions

ADAPTER = "adapter.safetensors"
KEPT_APART = ("lora", "adapter", "head")
"""Methods of adaptation whose files hold adapters alone."""
LOG = "log.txt"
SHOWN = 8
LEARNING, PREDICTIONS = "learning", "predictions"


class Showing:
    """Called after each validation: a line on the console and in `log.txt`, and pictures drawn anew.

    Args:
        folder: Of the run.
        preset: What is trained.
        data: What is held back.
        rate: From the number of a step to the learning rate.
    """

    def __init__(self, folder: RunFolder, preset: Preset, data: Dataset, rate: Callable[[int], float]):
        self._folder, self._preset, self._rate = folder.path, preset, rate
        numbers = np.linspace(0, len(data) - 1, min(SHOWN, len(data))).astype(int)
        self._shown = data.batch(numbers)

    def __call__(self, step: int, network: Any, error: float) -> None:
        """Tell.

        Args:
            step: Steps made.
            network: Averaged.
            error: Of the validation.
        """
        lines = read_json_lines(self._folder / METRICS)
        last = {line["kind"]: line for line in lines}
        loss, checked = last["step"], last.get("validation", {})
        told = f"step {step}: loss {loss['loss']:.4g}, {told_error(checked, error)}"
        told += f", SSIM {checked['SSIM']:.3f}" if "SSIM" in checked else ""
        told += f", {loss['seconds'] / step:.2f} s a step"
        tqdm.write(told)
        with (self._folder / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {told}\n")
        self.draw(lines, network)

    def draw(self, lines: Sequence[Mapping[str, Any]], network: Any) -> None:
        """Draw curves and predictions.

        Args:
            lines: Of the metrics.
            network: Averaged.
        """
        steps = [line["step"] for line in lines if line["kind"] == "step"]
        rates = {step: float(self._rate(step)) for step in steps}
        save_figure(plot_learning(lines, rate=rates, title=self._preset.name), self._folder / f"{LEARNING}.png")
        predicted = self._preset.inverter(network).in_batches(self._shown.gathers)
        true = None if np.isnan(self._shown.velocity).all() else self._shown.velocity
        figure = plot_predictions(true, predicted, names=self._shown.subset)
        save_figure(figure, self._folder / f"{PREDICTIONS}.png")


def told_error(checked: Mapping[str, Any], error: float) -> str:
    """What a validation has found.

    Args:
        checked: Its line of the metrics.
        error: Its error: of maps, or without these of waveforms.

    Returns:
        Name, value, unit.
    """
    return f"misfit of the waveforms {error:.4g}" if "misfit" in checked else f"MAE {error:.1f} m/s"


def inverter_of(run: Path) -> tuple[Inverter, dict[str, Any]]:
    """The network that a training has left.

    Args:
        run: Its folder.

    Returns:
        From pressure to m/s, and what its file says.

    Raises:
        FileNotFoundError: If there is no trained network.
        ValueError: If its file is damaged.
    """
    path, adapter = run / BEST, run / ADAPTER
    if not path.is_file():
        raise FileNotFoundError(f"`{run}` holds no trained network ({BEST}). Name the folder of a training.")
    about = read_about(path)
    if not adapter.is_file():
        if about.get("method") in KEPT_APART:
            raise ValueError(f"`{run}` is an adaptation that has not ended: its adapters are not there yet. Repeat its command.")
        return read_inverter(path, build_of)
    told = Path(about["base_run"])
    base, _ = inverter_of(told if told.exists() else run.parent / told.name)  # both may have been moved together
    return Inverter(eqx.nn.inference_mode(read_adapter(adapter, base.network)), base.transforms), about


def build_of(about: Mapping[str, Any]) -> Any:
    """A network as a file of weights was made for.

    Args:
        about: What its header says.

    Returns:
        The network with other weights.

    Raises:
        ValueError: If its preset is not known.
    """
    preset = preset_of(str(about.get("preset")))
    return (preset.plain() if "method" in about else preset).network(0)  # what is adapted has no critic
