"""The report of a training or of an evaluation: errors by subset beside those published, pictures, and what it was made with."""

from collections.abc import Mapping, Sequence
from typing import Any

from adseis.cli.runs import RunFolder, versions
from adseis.cli.training_data import Parts
from adseis.cli.training_runs import LEARNING, PREDICTIONS, told_error
from adseis.networks.adapters import counts
from adseis.training import Fitted
from adseis.training.evaluation import BARS
from adseis.training.presets import Preset
from adseis.training.trained_network import Inverter

PUBLISHED = (
    "Published figures (GFI, arXiv:2410.11247) are of OpenFWI's own data, each network trained and tested within one subset: "
    "24,000 samples of Vel, 48,000 of Fault, 60,000 of Style; InversionNet and VelocityGAN have 24 million parameters, UNet-33M "
    "33. They stand here for scale, not for comparison."
)
JUDGES = {"MAE": "MAE of the best validation (m/s)", "misfit": "misfit of the waveforms, best validation"}
"""Figure by which validations are compared -> what the report calls it."""
UNJUDGED = (
    "The gathers have no maps beside them: the misfit is that of the waveforms of predicted maps, by OpenFWI's operator, over "
    "the energy of the gathers. A small one does not say that a map is right where the survey sees little."
)


def write_training_report(
    folder: RunFolder,
    preset: Preset,
    found: Fitted,
    parts: Parts,
    *,
    seconds: float,
    figures: Mapping[str, object] | None = None,
    sections: Sequence[str] = (),
) -> None:
    """End a training: errors by subset, pictures, report.

    Args:
        folder: Of the run.
        preset: What was trained.
        found: What it has come to.
        parts: Its data.
        seconds: How long this process took.
        figures: Further rows of the table of results.
        sections: Further parts of the text.
    """
    checks = [line for line in found.history if line["kind"] == "validation"]
    judged = "MAE" if "MAE" in checks[0] else "misfit"
    best = min(checks, key=lambda line: line[judged])
    for picture in (LEARNING, PREDICTIONS):
        if (folder.path / f"{picture}.png").is_file():
            folder.show_picture(picture)
    spent = [line["seconds"] for line in found.history if line["kind"] == "step"][-1]
    rows_of_result = {
        JUDGES[judged]: found.value,
        "at step": best["step"],
        "steps": found.steps,
        "parameters": counts(found.x)[1],
        "seconds a step, validations included": round(spent / found.steps, 4),
        "seconds": round(seconds, 1),
        "ended because": found.message,
        **(figures or {}),
    }
    setting = {"preset": preset.name, "samples": len(parts.train), "held back": len(parts.validation), **versions()}
    about = f"{preset.about[0].upper()}{preset.about[1:]}."
    errors = [_errors_of(best), PUBLISHED] if judged == "MAE" else [UNJUDGED]
    text = "\n\n".join([about, *errors, *sections])
    folder.write_report(f"Training of {preset.name}", rows_of_result, text=text, setting=setting)
    print(f"{told_error(best, found.value)} after {best['step']} of {found.steps} steps; {found.message}")
    print(f"report: {folder.path / 'report.md'}")


def _errors_of(best: Mapping[str, Any]) -> str:
    """The table of a validation."""
    groups = [name.removeprefix("MAE of ") for name in best if name.startswith("MAE of ")]
    rows = {group: {"MAE": best[f"MAE of {group}"], "SSIM": best[f"SSIM of {group}"]} for group in groups}
    return errors_table({**rows, "mean": {name: best[name] for name in ("MAE", "RMSE", "SSIM")}})


def errors_table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Errors by subset beside those published, in Markdown.

    Args:
        rows: Subset -> figure -> value.

    Returns:
        The table.
    """
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    bars = list(BARS["mean"])
    lines = [
        "| subset | " + " | ".join("MAE (m/s)" if name == "MAE" else "RMSE (m/s)" if name == "RMSE" else name for name in names)
        + " | MAE / 1500 | " + " | ".join(f"{bar}, published" for bar in bars) + " |",
        "|---" * (2 + len(names) + len(bars)) + "|",
    ]  # fmt: skip
    for group, row in rows.items():
        figures = [_spelt(name, row.get(name)) for name in names]
        published = [f"{BARS[group][bar]:.1f}" if group in BARS else "-" for bar in bars]
        lines.append(f"| {' | '.join([group, *figures, _spelt('SSIM', row['MAE'] / 1500), *published])} |")
    return "\n".join(lines)


def _spelt(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if name == "samples" else f"{value:.1f}" if name in ("MAE", "RMSE") else f"{value:.4f}"


def model_card(inverter: Inverter, about: Mapping[str, Any], extra: Mapping[str, object]) -> str:
    """What a user of exported weights has to know.

    Args:
        inverter: What is exported.
        about: What the file of its weights says.
        extra: Row -> value, such as what was measured of the exported file.

    Returns:
        Markdown.
    """
    shape = "(5, 72, 72), as `openfwi.shrink` makes them" if inverter.transforms.small else "(5, 1000, 70)"
    validation = about.get("validation", {})
    rows: dict[str, object] = {
        "preset": about.get("preset"),
        "parameters": f"{counts(inverter.network)[1]:,}",
        "SHA-256 of the weights": about.get("sha256"),
        "input": f"pressure of OpenFWI's survey, {shape}, transformed by {inverter.transforms.gathers}",
        "output": f"(1, 70, 70), speed by {inverter.transforms.speeds}: m/s = 1500 + (y - bottom) 3000 / (top - bottom)",
        "trained with": about.get("data"),
        "steps": about.get("step"),
        "MAE of its validation (m/s)": validation.get("MAE"),
        "SSIM of its validation": validation.get("SSIM"),
        "misfit of the waveforms of its validation": validation.get("misfit"),
        **extra,
    }
    lines = "\n".join(f"| {name} | {value} |" for name, value in rows.items() if value is not None)
    return (
        f"# {about.get('preset')}, trained by adseis\n\nSpeeds of a map of 70 x 70 nodes of 10 m from gathers of OpenFWI's "
        "survey: "
        "five shots and 70 receivers in the second row, a Ricker wavelet of 15 Hz, 1000 samples of 1 ms. It knows nothing of "
        f"another survey, wavelet or kind of model than it was trained with.\n\n| | |\n|---|---|\n{lines}\n"
    )
