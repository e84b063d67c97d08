"""The page that a synthesis of GlobalTomo-style data leaves: sizes, maps of structures, a record section, snapshots."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import LinearNDInterpolator

from adseis.data.globaltomo_dataset import Dataset
from adseis.data.globaltomo_synthesis import GlobalTomo
from adseis.data.globaltomo_tiers import Tier
from adseis.data.synthesis import MANIFEST, read_manifest, receipts
from adseis.files import written_whole
from adseis.harmonics.basis import evaluate
from adseis.viz.figures import save_figure
from adseis.viz.gathers import plot_gather
from adseis.viz.histograms import plot_histograms
from adseis.viz.sheets import plot_sheet

PAGE = "statistics.md"
SHOWN, COUNTED = 6, 100
"""Structures in pictures, and in histograms."""
ACROSS = 121
"""Points of a picture of a snapshot from side to side."""
NAMES = {"seismogram": "displacement at stations [m]", "slices": "slices", "fourier": "Fourier coefficients", "source": "source"}


def write_ball_statistics(generator: GlobalTomo, folder: Path) -> Path:
    """Write `statistics.md` and its pictures, of the receipts and the first samples.

    Args:
        generator: What made the data.
        folder: Where they are.

    Returns:
        The page.

    Raises:
        OSError: If a file cannot be written.
        ValueError: If a file is damaged.
    """
    told, manifest, data = receipts(generator, folder), read_manifest(folder) or {}, Dataset(folder, generator.tier)
    first = data[0]
    maps = maps_of(generator.tier, data.batch(range(min(COUNTED, len(data))), what=("harmonics",)).harmonics)
    largest = float(np.abs(maps[:SHOWN]).max())
    depths = [f"{depth:g} m deep" for depth in generator.tier.depths]
    pictures = {
        "maps": plot_sheet(
            {depth: 100 * maps[:SHOWN, i] for i, depth in enumerate(depths)},
            limits=(-100 * largest, 100 * largest),
            label="perturbation [%]",
            colormap="RdBu",
        ),
        "perturbations": plot_histograms(
            {depth: _counts(maps[:, i]) for i, depth in enumerate(depths)}, 100 * EDGES, xlabel="perturbation [%]"
        ),
    }
    if first.seismogram is not None:
        pictures["section"] = _section(generator.tier, first.seismogram)
    if first.slices is not None and data.snapshots is not None and generator.recording.elements is not None:
        pictures["snapshots"] = _snapshots(generator.tier, first.slices, generator.recording.elements, data.snapshots)
    for name, figure in pictures.items():
        save_figure(figure, folder / f"{name}.png")
    with written_whole(folder / PAGE) as partial:
        partial.write_text(_page(generator, told, manifest, list(pictures)), encoding="utf-8")
    return folder / PAGE


EDGES = np.arange(-0.25, 0.2501, 0.005)
"""Of histograms of perturbations [1]."""


def maps_of(tier: Tier, harmonics: Any) -> np.ndarray:
    """Perturbations of the first property on a grid of 5 degrees, from north to south and from west to east.

    Args:
        tier: Of the structures.
        harmonics: Rows of coefficients, `(structure, 405)`.

    Returns:
        `(structure, level, latitude, longitude)` [1].
    """
    latitude, longitude = np.meshgrid(np.linspace(90, -90, 37), np.linspace(-180, 180, 73), indexing="ij")
    rows = np.asarray(harmonics).reshape(len(harmonics), (tier.degree + 1) ** 2, len(tier.properties), -1)[:, :, 0]
    latitude, longitude = latitude.astype(rows.dtype), longitude.astype(rows.dtype)
    values = evaluate(np.moveaxis(rows, 1, 0), latitude, longitude, convention="globaltomo")
    return np.transpose(np.asarray(values), (2, 3, 0, 1))


def _counts(maps: np.ndarray) -> np.ndarray:
    """How much of the sphere lies in each bin: rows of a map are less the nearer they are to a pole."""
    area = np.cos(np.radians(np.linspace(90, -90, maps.shape[1])))[:, None]
    return np.histogram(maps, EDGES, weights=np.broadcast_to(area, maps.shape))[0]


def _section(tier: Tier, seismogram: np.ndarray) -> Any:
    """The third component along the meridian of Greenwich."""
    middle = tier.stations[1] // 2
    latitude = np.linspace(-90.0, 90.0, tier.stations[0])
    figure = plot_gather(
        seismogram[:, middle, 2].T,
        tier.dt,
        distances=1e3 * latitude,
        label="displacement [m]",
        title="third component, longitude 0, sample 0",
    )
    figure.axes[0].set_xlabel("latitude [degrees]")
    return figure


def _snapshots(tier: Tier, slices: np.ndarray, elements: np.ndarray, times: np.ndarray) -> Any:
    """The plane of the meridians 0 and 180: chi, or the third component."""
    waves = slices[..., 2] if tier.vector else slices
    s, z = np.concatenate([elements, elements * np.array([-1.0, 1.0])]).T
    both = np.concatenate([waves[:, 0], waves[:, tier.slices // 2]], axis=1)
    ends = np.linspace(-tier.radius, tier.radius, ACROSS)
    x, up = np.meshgrid(ends, ends[::-1])
    pictures = np.moveaxis(LinearNDInterpolator(np.stack([s, z], 1), both.T)(x, up), -1, 0)
    limit = float(np.quantile(np.abs(both), 0.99)) or 1.0
    some = range(0, len(times), 5)
    titles = [f"from {times[i]:.2f} s on, every {tier.snapshot_interval or 0:.2f} s" for i in some]
    rows = {title: pictures[i : i + 5] for title, i in zip(titles, some, strict=True)}
    return plot_sheet(rows, limits=(-limit, limit), label="u [m]" if tier.vector else "chi [Pa s^2]", colormap="RdBu_r")


def _page(generator: GlobalTomo, told: list[dict[str, Any]], manifest: Mapping[str, Any], pictures: list[str]) -> str:
    tier, done = generator.tier, sum(receipt["samples"] for receipt in told)
    rows = []
    for one in generator.kept:
        facts = [(receipt["samples"], receipt["facts"]) for receipt in told]
        size = np.sqrt(sum(count * fact["squares"][one] for count, fact in facts) / max(1, done))
        rows.append(f"| {NAMES[one]} | {max(fact['largest'][one] for _, fact in facts):.3g} | {size:.3g} |")
    redrawn = manifest.get("redrawn", [])
    versions = ", ".join(f"{name} {value}" for name, value in manifest.get("versions", {}).items())
    solver = ", ".join(f"{name} {value}" for name, value in generator.solver.items())
    left = [receipt["facts"]["energy_left_out"] for receipt in told if "energy_left_out" in receipt["facts"]]
    return (
        "\n\n".join(
            [
                f"# GlobalTomo-style data, tier {tier.name}",
                f"Drawn and simulated by adseis, no data of GlobalTomo's: {done} samples, seed {generator.seed}, "
                f"{generator.samples_per_file} samples a file. `{MANIFEST}` tells the SHA-256 of each file.",
                f"{len(redrawn)} structures were drawn again." + (f" The first: {redrawn[0]['why']}." if redrawn else ""),
                "\n".join(["| what | largest | root of the mean square |", "|---|---|---|", *rows]),
                *([f"Cut off above order {tier.numbers // 2}: {max(left):.2g} of the energy at most."] if left else []),
                f"Source: {generator.recording.source_time_function}. Solver: {solver}.",
                *(f"## {TITLES[name]}\n\n![{TITLES[name]}]({name}.png)" for name in pictures),
                f"Made with {versions}.",
            ]
        )
        + "\n"
    )


TITLES = {
    "maps": "The first structures, from 90 degrees north to south, from 180 degrees west to east",
    "perturbations": "Perturbations of the first structures",
    "section": "Seismograms of the first sample",
    "snapshots": "Snapshots of the first sample, on the meridians 0 (right) and 180 degrees",
}
