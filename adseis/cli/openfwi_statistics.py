"""The page that a synthesis of OpenFWI-style data leaves: ranges beside those published, histograms, a sheet of maps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from adseis.data.openfwi_layout import SUBSETS
from adseis.data.openfwi_synthesis import AMPLITUDES, CROPS, SPEEDS, OpenFwi, facts_of
from adseis.data.synthesis import MANIFEST, read_manifest, receipts
from adseis.files import written_whole
from adseis.viz.figures import save_figure
from adseis.viz.histograms import plot_histograms
from adseis.viz.sheets import plot_sheet

PAGE = "statistics.md"
PUBLISHED = "Published are the extremes of 30,000 to 67,000 samples a subset, drawn by a generator unlike ours."
SHOWN = 8
"""Maps of each family."""


def write_statistics(generator: OpenFwi, folder: Path) -> Path:
    """Write `statistics.md` and its pictures, of the receipts and the first file of each family.

    Args:
        generator: What made the data.
        folder: Where they are.

    Returns:
        The page.

    Raises:
        OSError: If a file cannot be written.
    """
    families, manifest = facts_of(receipts(generator, folder)), read_manifest(folder) or {}
    published = {name: SUBSETS[name].extremes for name in families if name in SUBSETS}
    first = {name: [np.load(folder / file, mmap_mode="r") for file in found["files"]] for name, found in families.items()}
    loudest = max(float(np.quantile(np.abs(gathers[:1]), 0.9)) for gathers, _ in first.values()) or 1.0
    pictures = {
        "maps": plot_sheet({name: maps[:SHOWN, 0] for name, (_, maps) in first.items()}),
        "gathers": plot_sheet(
            {f"{name}: five shots": gathers[0] for name, (gathers, _) in first.items()},
            limits=(-loudest, loudest),
            label="u",
            colormap="RdBu_r",
            stretched=True,
        ),
        "speeds": plot_histograms({name: f["speeds"] for name, f in families.items()}, SPEEDS, xlabel="vp [m/s]"),
        "amplitudes": plot_histograms(
            {name: found["amplitudes"] for name, found in families.items()}, AMPLITUDES, xlabel="u", log=True, marks=published
        ),
    }
    for name, figure in pictures.items():
        save_figure(figure, folder / f"{name}.png")
    with written_whole(folder / PAGE) as partial:
        partial.write_text(_page(families, manifest), encoding="utf-8")
    return folder / PAGE


def _page(families: Mapping[str, Mapping[str, Any]], manifest: Mapping[str, Any]) -> str:
    settings, versions = manifest["settings"], manifest["versions"]
    rows = [
        f"| {name} | {found['samples']} | {found['speed'][0]:.0f} to {found['speed'][1]:.0f} | "
        f"{found['amplitude'][0]:.2f} | {found['amplitude'][1]:.2f} | {_published(name)} |"
        for name, found in families.items()
    ]
    told = f"seed {settings['seed']}, {settings['samples_per_file']} samples a file"
    crops = [f"Windows of {settings[CROPS]['model']}, speeds {settings[CROPS]['speeds']}."] if CROPS in settings else []
    return (
        "\n\n".join(
            [
                "# OpenFWI-style data",
                f"Drawn and simulated by adseis, no data of OpenFWI's: {told}. `{MANIFEST}` tells the SHA-256 of each file.",
                *crops,
                "\n".join(
                    [
                        "| family | samples | vp (m/s) | least u | greatest u | least published | greatest published |",
                        "|---|---|---|---|---|---|---|",
                        *rows,
                    ]
                ),
                *([PUBLISHED] if any(name in SUBSETS for name in families) else []),
                *(f"## {title}\n\n![{title}]({name}.png)" for name, title in _PICTURES.items()),
                f"Made with {', '.join(f'{name} {value}' for name, value in versions.items())}.",
            ]
        )
        + "\n"
    )


_PICTURES = {
    "maps": "The first maps of each family",
    "gathers": "Gathers of the first map",
    "speeds": "Speeds",
    "amplitudes": "Amplitudes; dashed: published extremes",
}


def _published(name: str) -> str:
    if name not in SUBSETS:
        return "- | -"
    low, high = SUBSETS[name].extremes
    return f"{low:.2f} | {high:.2f}"
