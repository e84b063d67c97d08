"""`adseis invert --problem openfwi`: maps of OpenFWI's kind, refined one after the other by their gathers.

After each map `models.npy`, its picture and a record stand in the folder: a run that was killed goes on with the next one, and
one that fails takes no other with it.
"""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from adseis.cli.folders import choose
from adseis.cli.openfwi_maps import HIGH, LOW, Maps, RefinementOptions, read_maps
from adseis.cli.runs import Findings, RunFolder, report, spell, versions
from adseis.data import openfwi
from adseis.data.arrays import StoredArray, read_npy
from adseis.data.openfwi_survey import DT, SPACING
from adseis.files import read_json_lines, sha256, written_whole
from adseis.inversion.openfwi import Refined, refine
from adseis.inversion.openfwi_batch import FAILURES, journal_of
from adseis.objectives.similarity import structural_similarity
from adseis.viz.refinement import Refinement, plot_refinement, stages_of

USED = (
    *("data", "initial", "noise", "evaluations", "low", "high", "wavelet", "depth", "start", "headers"),
    *("output", "overwrite", "truth", "prior", "samples"),
)
"""Options of this problem."""
EVALUATIONS = 200
SCALE = 1500.0, 3000.0
"""What similarity is told of: (v - 1500 m/s) / (3000 m/s), as OpenFWI reports it."""
FAILED = 1
"""Exit code where a map could not be refined."""
Record = dict[str, Any]


def run(config: RefinementOptions) -> int:
    """Read and check the files, refine each map, and leave a run folder.

    Args:
        config: The options, with `data`.

    Returns:
        Exit code 0; 1 if a map could not be refined.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If an option or a file cannot be right.
        OSError: If the run folder cannot be written.
    """
    budget = EVALUATIONS if config.evaluations is None else config.evaluations
    low, high = LOW if config.low is None else config.low, HIGH if config.high is None else config.high
    config = dataclasses.replace(config, evaluations=budget, low=low, high=high)
    maps = read_maps(config)
    key = ("sample", "budget")
    with RunFolder(choose(config, "openfwi"), config, key=key, overwrite=config.overwrite) as folder:
        return folder.tell() if folder.finished else _refine_all(config, maps, folder)


def _refine_all(config: RefinementOptions, maps: Maps, folder: RunFolder) -> int:
    """Map after map, each kept before the next begins."""
    begun = time.perf_counter()
    for note in maps.notes:
        print(note)
    records, models = _done(config, maps, folder)
    for place, sample in enumerate(maps.samples):
        if sample in records:
            folder.show_picture(f"map-{sample}")
            print(f"map {sample} ({place + 1} of {len(maps.samples)}): refined already")
            continue
        noise = maps.noise[place]
        told = "estimated" if config.noise is None else "given"
        print(f"map {sample} ({place + 1} of {len(maps.samples)}): noise {100 * noise:.2g} % of the gathers, {told}", flush=True)
        record = _refine_one(config, maps, place, models, folder)
        folder.record(**record)
        records[sample] = record
        print(f"map {sample}: {_said(record)}", flush=True)
    report(folder, _findings(config, maps, models, [records[sample] for sample in maps.samples], begun))
    return FAILED if any(record["failed"] for record in records.values()) else 0


def _done(config: RefinementOptions, maps: Maps, folder: RunFolder) -> tuple[dict[int, Record], np.ndarray]:
    """Records of maps that are refined already, and all maps: those that are not yet, or failed, as they begin."""
    path, models = folder.path / "models.npy", maps.initial.copy()
    if path.is_file():
        models = read_npy(path).reshape(maps.initial.shape).astype("float32")
    records = {}
    for record in read_json_lines(folder.path / "metrics.jsonl"):
        if record["budget"] != config.evaluations or record["sample"] not in maps.samples or not path.is_file():
            continue
        place = maps.samples.index(record["sample"])
        if record["of"] != _identity(maps, place):
            raise ValueError(
                f"gathers or start of map {record['sample']} have changed since {folder.path} was made. Name another folder, or "
                "give up what is there by --overwrite."
            )
        records[record["sample"]] = record
    return records, models


def _identity(maps: Maps, place: int) -> str:
    """Of what a map is refined by."""
    return sha256(np.concatenate([maps.gathers[place].ravel(), maps.initial[place].ravel()]))[:16]


def _refine_one(config: RefinementOptions, maps: Maps, place: int, models: np.ndarray, folder: RunFolder) -> Record:
    """Refine a map and keep it; its record."""
    sample, start, observed = maps.samples[place], maps.initial[place], maps.gathers[place]
    begun, noise = time.perf_counter(), maps.noise[place]
    record: Record = {"sample": sample, "budget": config.evaluations, "of": _identity(maps, place), "noise": noise}
    assert config.low is not None
    assert config.high is not None
    assert config.evaluations is not None
    try:
        found = refine(
            observed, start, prior=config.prior, evaluations=config.evaluations, bounds=(config.low, config.high), noise=noise,
            journal=journal_of(folder.path / f"journal-{config.evaluations}.h5", sample), **maps.survey,
        )  # fmt: skip
    except FAILURES as error:
        return record | {"failed": True, "message": " ".join(str(error).split()), "seconds": _since(begun)}
    assert isinstance(found, Refined)
    models[place] = found.x
    with written_whole(folder.path / "models.npy") as partial:
        np.save(partial, models[:, None].astype("float32"), allow_pickle=False)
    truth = None if maps.truth is None else maps.truth[place]
    shot = len(observed) // 2
    gathers = {
        name: np.asarray(openfwi.simulate(vp, slowest=slowest, **maps.survey))[shot]
        for name, vp, slowest in (("before", start, None), ("after", np.asarray(found.x, "float32"), found.slowest))
    }
    shown = Refinement(start, models[place], truth, SPACING, observed[shot], **gathers, dt=DT, stages=stages_of(found.history))
    folder.save_picture(f"map-{sample}", plot_refinement(shown, f"map {sample}, prior {found.prior}: {found.message}"))
    errors = {} if truth is None else _errors(start, truth, "before") | _errors(models[place], truth, "after")
    numbers = {"gradients": found.evaluations, "misfit_before": found.before, "misfit_after": found.after} | errors
    words = {"prior": _prior(config, found), "message": found.message}
    return record | {"failed": False} | words | numbers | {"seconds": _since(begun)}


def _prior(config: RefinementOptions, found: Refined) -> str:
    """The prior, and who picked it."""
    return found.prior if config.prior == "auto" else f"{found.prior} (asked for)"


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 1)


def _errors(vp: np.ndarray, truth: np.ndarray, when: str) -> dict[str, float]:
    """How far a map is from the true one."""
    away = vp.astype(float) - truth
    scaled = [((m - SCALE[0]) / SCALE[1]).astype("float32") for m in (vp, truth)]
    found = {"mae": np.abs(away).mean(), "rmse": np.sqrt((away**2).mean()), "ssim": structural_similarity(*scaled)}
    return {f"{name}_{when}": float(value) for name, value in found.items()}


def _said(record: Record) -> str:
    """What became of a map, in a line."""
    if record["failed"]:
        return f"left as it was: {record['message']}"
    told = f"misfit {record['misfit_before']:.3g} -> {record['misfit_after']:.3g}, {record['gradients']} gradients, "
    if "mae_after" in record:
        told += f"MAE {record['mae_before']:.1f} -> {record['mae_after']:.1f} m/s, "
    return f"{told}prior {record['prior']}; {record['message']}"


def _table(maps: Maps, records: Sequence[Record]) -> str:
    """One row a map, in Markdown."""
    columns = ["map", "prior", "cost (gradients)", "noise (%)", "misfit before", "after"]
    columns += [] if maps.truth is None else ["MAE before (m/s)", "after", "RMSE before (m/s)", "after", "SSIM before", "after"]
    names = ["sample", "prior", "gradients", "noise", "misfit_before", "misfit_after"]
    names += [] if maps.truth is None else [f"{kind}_{when}" for kind in ("mae", "rmse", "ssim") for when in ("before", "after")]
    rows = [f"| {' | '.join([*columns, 'ended because'])} |", "|---" * (len(columns) + 1) + "|"]
    for record in records:
        shown = record | {"noise": float(f"{100 * record['noise']:.2g}")}
        cells = [_cell(shown.get(name)) for name in names]
        rows.append(f"| {' | '.join([*cells, ('failed: ' if record['failed'] else '') + record['message']])} |")
    return "\n".join(rows)


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else spell(value)


def _findings(config: RefinementOptions, maps: Maps, models: np.ndarray, records: Sequence[Record], begun: float) -> Findings:
    """The report: a table of all maps, means over those that were refined."""
    fine = [record for record in records if not record["failed"]]
    names = {"misfit": "relative misfit", "mae": "MAE (m/s)", "rmse": "RMSE (m/s)", "ssim": "SSIM"}
    means = {
        f"{label}, {when} (mean)": float(np.mean([record[f"{name}_{when}"] for record in fine]))
        for name, label in names.items()
        for when in ("before", "after")
        if fine and f"{name}_{when}" in fine[0]
    }
    kept = {"initial": maps.initial, "refined": models} | ({} if maps.truth is None else {"true": maps.truth})
    failed = len(records) - len(fine)
    summary = f"{len(fine)} of {len(records)} maps refined: {config.output or 'models.npy'}"
    if fine:
        summary = f"{len(fine)} of {len(records)} maps refined; " + "; ".join(
            f"{label} {means[f'{label}, before (mean)']:.4g} -> {means[f'{label}, after (mean)']:.4g}"
            for label in names.values()
            if f"{label}, after (mean)" in means
        )
    text = [f"- {note}" for note in maps.notes]
    if failed:
        text.insert(0, f"**{failed} of {len(records)} maps could not be refined** and stand in `models.npy` as they began.\n")
    spacing = (1.0, SPACING, SPACING)
    return Findings(
        title=f"Maps refined by the gathers of {config.data[0].name}",
        summary=summary,
        arrays={f"vp_{name}": StoredArray(values, "m/s", "map z x", spacing) for name, values in kept.items()}
        | {"samples": StoredArray(np.array(maps.samples), "1", "map")},
        draw=dict,
        figures={"maps": len(records), "failed": failed} | means | {"seconds": _since(begun)},
        setting={
            "operator": "OpenFWI's",
            "prior": config.prior,
            "noise": "estimated" if config.noise is None else config.noise,
            "gradients a map, at most": config.evaluations,
            "vp within (m/s)": f"{config.low:g} to {config.high:g}",
            "begins with": config.initial or "a constant gradient",
            "SSIM": "window 11, deviation 1.5, zeros outside, of (v - 1500) / 3000",
            "device": versions()["device"],
        },
        text="\n\n".join(["\n".join(text), _table(maps, records)]),
    )
