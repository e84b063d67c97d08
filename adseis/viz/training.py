"""How a network learns: its loss, errors, gradient and rate over the steps, and what it predicts beside the truth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adseis.viz.figures import new_figure

STEP, VALIDATION = "step", "validation"
ASIDE = ("step", "kind", "loss", "gradient", "strength", "seconds", "rate")
"""Of a line of the metrics, what is no term of the loss."""


def plot_learning(lines: Sequence[Mapping[str, Any]], *, rate: Mapping[int, float] | None = None, title: str = "") -> Figure:
    """Terms of the loss, errors and similarities of each subset, norm of the gradient, and learning rate.

    Args:
        lines: Of `metrics.jsonl`: of kind "step" with "loss" and its terms, of kind "validation" with "MAE of NAME" and so on,
            or with "misfit".
        rate: Step -> learning rate, if it is to be shown.
        title: Text above all.

    Returns:
        The figure.

    Raises:
        ValueError: If there are no lines.
    """
    steps = [line for line in lines if line["kind"] == STEP]
    checks = [line for line in lines if line["kind"] == VALIDATION]
    if not steps:
        raise ValueError("`lines` holds no steps: there is nothing to draw yet.")
    figure = new_figure(12.0, 7.0)
    figure.suptitle(title, fontsize="medium")
    loss, error, slope, likeness = figure.subplots(2, 2).flat
    terms = [name for name in steps[0] if name not in ASIDE]
    for name in ("loss", *terms):
        _curve(loss, steps, name, name, faint=name != "loss")
    _finish(loss, "loss", log=True)
    _curve(slope, steps, "gradient", "norm of the gradient")
    _finish(slope, "norm of the gradient", log=True)
    if rate:
        beside = slope.twinx()
        beside.plot(list(rate), list(rate.values()), color="0.5", linewidth=1.0, linestyle="--")
        beside.set_ylabel("learning rate (dashed)")
        beside.spines["top"].set_visible(False)
    unlabelled = bool(checks) and "misfit" in checks[0]
    of_maps = (("MAE", "MAE [m/s]"), ("SSIM", "SSIM"))
    of_waveforms = (("misfit", "misfit of the waveforms"), ("median misfit", "its median"))
    merits = of_waveforms if unlabelled else of_maps
    for axes, (figure_of_merit, unit) in zip((error, likeness), merits, strict=True):
        names = [name for name in (checks[0] if checks else {}) if name.startswith(f"{figure_of_merit} of ")]
        for name in names:
            _curve(axes, checks, name, name.removeprefix(f"{figure_of_merit} of "), faint=True)
        if checks and figure_of_merit in checks[0]:
            _curve(axes, checks, figure_of_merit, "mean")
        _finish(axes, unit, log=False)
    return figure


def plot_predictions(
    true: Float[np.ndarray, "sample z x"] | None,
    predicted: Float[np.ndarray, "*sample_z_x"],
    *,
    refined: Float[np.ndarray, "*of_refined"] | None = None,
    names: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Truth, prediction and difference of several maps, one below the other; without the truth, predictions alone.

    Args:
        true: Maps [m/s], or None.
        predicted: What a network says [m/s].
        refined: What was made of it [m/s], whose difference is shown then.
        names: Text above each map, such as its subset.
        limits: Ends of the colour scale of the speeds; by default the extremes of the true ones, or else of all.

    Returns:
        The figure.

    Raises:
        ValueError: If there are no maps, or they differ in shape.
    """
    scale = predicted if true is None else true
    for name, maps in {"predicted": predicted, "refined": predicted if refined is None else refined}.items():
        if scale.shape != maps.shape or not scale.size:
            raise ValueError(f"`true` {scale.shape} and `{name}` {maps.shape} must be maps (sample, z, x) of one shape.")
    low, high = limits or (float(scale.min()), float(scale.max()))
    rows = [("prediction", predicted, low, high, "viridis")]
    if refined is not None:
        rows.append(("refined", refined, low, high, "viridis"))
    if true is not None:
        away = rows[-1][1] - true
        most = max(float(np.quantile(np.abs(away), 0.99)), 1.0)
        rows = [("truth", true, low, high, "viridis"), *rows, ("difference", away, -most, most, "RdBu_r")]
    figure = new_figure(1.6 * len(scale) + 1.2, 1.8 * len(rows))
    panels = figure.subplots(len(rows), len(scale), squeeze=False)
    for line, (label, maps, least, greatest, colours) in zip(panels, rows, strict=True):
        image = None
        for number, (axes, picture) in enumerate(zip(line, maps, strict=True)):
            axes.set(xticks=[], yticks=[])
            image = axes.imshow(picture, vmin=least, vmax=greatest, cmap=colours, interpolation="nearest")
            if label == rows[0][0] and number < len(names):
                axes.set_title(names[number], fontsize="x-small")
            if label == "difference":
                axes.set_xlabel(f"MAE {np.abs(picture).mean():.0f} m/s", fontsize="x-small")
        line[0].set_ylabel(label, fontsize="small")
        assert image is not None
        figure.colorbar(image, ax=list(line), label="m/s", shrink=0.9, aspect=14)
    return figure


def _curve(axes: Axes, lines: Sequence[Mapping[str, Any]], name: str, label: str, *, faint: bool = False) -> None:
    """What lines say under a name, over their steps; zeros, as of a term whose turn it is not, are left out."""
    points = [(line["step"], line[name]) for line in lines if line.get(name)]
    if points:
        x, y = zip(*points, strict=True)
        axes.plot(
            x, y, label=label, linewidth=0.9 if faint else 1.6, alpha=0.8 if faint else 1.0, marker="." if len(x) < 30 else None
        )


def _finish(axes: Axes, ylabel: str, *, log: bool) -> None:
    positive = [float(np.min(np.asarray(line.get_ydata(), float))) > 0 for line in axes.get_lines()]
    if log and positive and all(positive):
        axes.set_yscale("log")
    axes.set(xlabel="step", ylabel=ylabel)
    axes.grid(visible=True, which="both", alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if len(axes.get_lines()) > 1:
        axes.legend(frameon=False, fontsize="x-small")
