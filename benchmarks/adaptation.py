r"""A trained network for other data: by random weights, its head, all weights, low-rank products, bottlenecks; what it forgets.

    adseis synthesize openfwi --family flat-vel-a,curve-vel-a,flat-fault-a,style-a --samples 1000 --samples-per-file 100 \
        --output data/
    adseis synthesize openfwi --family curve-vel-a,style-a --samples 600 --samples-per-file 100 --seed 1 --output fresh/
    python benchmarks/adaptation.py --data data --fresh fresh --seen curve-vel-a --unseen style-a

A network is trained on three families (or taken from a training, `--run`), then adapted to one of these and to one that it has
not seen, with few and with more samples, by five methods, with several seeds (of first weights, order and adapters). All have the
same number of steps, and nothing is chosen by what is held back: figures are those of the averaged network after the last step.
Told are MAE on what is held back of the target and of the families of old, by how much the latter has risen (what is forgotten),
the numbers that are learned, the bytes to be kept for each target, memory and time.

Each row has a process of its own and is kept in the folder of the output, trainings have checkpoints there: the same command goes
on. Of the seen family, samples of `--fresh` are new ones; without, they are among those of the first training.
"""

import json
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from matplotlib.figure import Figure
from reporting import alone, device_name, markdown, now, only_these, options_of, peak_megabytes, table, write, write_text

from adseis.cli.runs import versions
from adseis.cli.train_adapt import METHOD_RATES, Adapt, adapted
from adseis.cli.training_runs import inverter_of
from adseis.data import openfwi
from adseis.networks.adapters import Adapted, counts, write_adapter
from adseis.networks.weights import write_weights
from adseis.training import Fitted, Plan, fit
from adseis.training.evaluation import evaluate
from adseis.training.presets import Preset, preset_of
from adseis.training.samples import Samples
from adseis.training.trained_network import read_inverter
from adseis.viz.figures import new_figure

METHODS = ("scratch", "head", "full", "lora", "adapter")
BASE = "base.safetensors"


@dataclass(frozen=True)
class Benchmark:
    """Adapt a network, and see what it forgets."""

    data: Path
    """Folder of samples of all families."""
    seen: str = "curve-vel-a"
    """Family of the first training that is adapted to."""
    unseen: str = "style-a"
    """Family that is not part of it."""
    old: tuple[str, ...] = ("flat-vel-a", "curve-vel-a", "flat-fault-a")
    """Families of the first training."""
    fresh: Path | None = None
    """Folder of the samples that are adapted with; by default those of `data` that are not held back."""
    run: Path | None = None
    """Folder of a training, in place of the first one."""
    preset: str = "unet-small"
    """What is trained first."""
    pretraining: int = 3000
    """Steps of the first training."""
    methods: tuple[str, ...] = METHODS
    """Which."""
    samples: tuple[int, ...] = (50, 500)
    """To adapt with."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of each."""
    steps: int = 300
    """Of an adaptation."""
    batch: int = 16
    """Samples of a step."""
    output: Path = Path("runs/benchmarks/adaptation")
    """Where to write, without extension: .json, .png and .md; a folder of that name holds what is finished."""


def held_back(folder: Path, families: Sequence[str], part: str = "validation") -> openfwi.Dataset:
    """A part of the samples of some families; the division is that of `adseis train`."""
    data = openfwi.Dataset(folder, subsets=families)
    return data.part(part, openfwi.split(data))


def seconds_of(found: Fitted) -> float:
    """Of a step: between the first line of the metrics, before which it was compiled, and the last."""
    lines = [line for line in found.history if line["kind"] == "step"]
    first, last = lines[0], lines[-1]
    return (last["seconds"] - first["seconds"]) / max(last["step"] - first["step"], 1)


def pretrained(settings: Benchmark) -> dict[str, Any]:
    """Train the base, or take it, and keep it; meant for a process of its own."""
    folder = settings.output
    path = folder / BASE
    if settings.run is not None:
        inverter, about = inverter_of(settings.run)
        preset = preset_of(about["preset"]).plain()
        network = inverter.network
    else:
        preset = preset_of(settings.preset).plain()
        learned = held_back(settings.data, settings.old, "train")
        samples = Samples(learned, settings.batch, prepare=preset.transforms.sized, held=True)
        plan = Plan(settings.pretraining, every=max(1, settings.pretraining // 10), log=20)
        found = fit(
            preset.network(0), preset.supervised(), samples, optimizer=preset.optimizer(settings.pretraining), plan=plan,
            folder=folder / "base", about={"preset": preset.name, "old": list(settings.old), "samples": len(learned)},
        )  # fmt: skip
        network = found.x
    write_weights(path, network, {"preset": preset.name, "transforms": preset.transforms.about()})
    errors = {name: error_on(preset, network, settings.data, [name]) for name in {*settings.old, settings.unseen}}
    return {"preset": preset.name, "errors": errors, "parameters": counts(network)[1], "bytes": path.stat().st_size}


def error_on(preset: Preset, network: Any, folder: Path, families: Sequence[str]) -> float:
    """MAE [m/s] on what is held back, the plain mean over families."""
    return evaluate(preset.inverter(network).in_batches, held_back(folder, families))["mean"]["MAE"]


def measured(settings: Benchmark, name: str, method: str, target: str, samples: int, seed: int) -> dict[str, Any]:
    """A row; meant for a process of its own."""
    preset = preset_of(json.loads((settings.output / "base.json").read_text())["preset"]).plain()
    base, _ = read_inverter(settings.output / BASE, lambda _: preset.network(0))
    network = adapted(base.network, preset, Adapt(run=settings.output, data=settings.data, method=method, seed=seed))
    learned = held_back(settings.fresh or settings.data, [target], "train")
    if len(learned) < samples:
        raise ValueError(f"{target} has {len(learned)} samples to adapt with, not {samples}: make more, or take fewer `samples`.")
    batch = min(settings.batch, samples)
    found = fit(
        network,
        preset.supervised(),
        Samples(learned, batch, seed=seed, prepare=preset.transforms.sized, held=True, count=samples),
        optimizer=preset.optimizer(settings.steps, rate=METHOD_RATES[method] * preset.rate),
        plan=Plan(settings.steps, every=max(1, settings.steps // 3), log=5, seed=seed),
        folder=settings.output / name,
        about={"row": name, "steps": settings.steps},
    )
    memory = peak_megabytes()  # before anything is evaluated
    path = settings.output / name / "kept.safetensors"
    keep = write_adapter if isinstance(found.x, Adapted) else write_weights
    keep(path, found.x)
    row = {
        "target": target,
        "samples": samples,
        "method": method,
        "seed": seed,
        "MAE [m/s]": error_on(preset, found.x, settings.data, [target]),
        "MAE, old [m/s]": error_on(preset, found.x, settings.data, settings.old),
        "learned": counts(found.x)[0],
        "bytes": path.stat().st_size,
        "s a step": seconds_of(found),
        "peak [MB]": memory,
    }
    shutil.rmtree(settings.output / name)
    return row


def kept(path: Path, function: Any, *arguments: Any) -> dict[str, Any]:
    """A row, from its file if it is finished."""
    if not path.exists():
        write_text(json.dumps(alone(function, *arguments), indent=2) + "\n", path)
    return json.loads(path.read_text(encoding="utf-8"))


def measure(settings: Benchmark) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The base, and a row for each target, number of samples, method and seed."""
    base = kept(settings.output / "base.json", pretrained, settings)
    print(f"base, {base['preset']}: MAE {base['errors']}", flush=True)
    rows = []
    for target in (settings.seen, settings.unseen):
        for samples in settings.samples:
            for method in settings.methods:
                for seed in settings.seeds:
                    name = f"{target}-{samples}-{method}-{seed}"
                    rows.append(kept(settings.output / f"{name}.json", measured, settings, name, method, target, samples, seed))
                    print(table([rows[-1]]), flush=True)
    return base, rows


def summary(settings: Benchmark, base: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means and spreads over seeds."""
    before = statistics.mean(base["errors"][name] for name in settings.old)
    found = []
    for target, samples, method in dict.fromkeys((row["target"], row["samples"], row["method"]) for row in rows):
        some = [row for row in rows if (row["target"], row["samples"], row["method"]) == (target, samples, method)]
        line: dict[str, Any] = {"target": target, "samples": samples, "method": method, "seeds": len(some)}
        line["MAE before [m/s]"] = base["errors"][target]
        for name, values in (
            ("MAE [m/s]", [row["MAE [m/s]"] for row in some]),
            ("forgotten [m/s]", [row["MAE, old [m/s]"] - before for row in some]),
        ):
            line |= {name: statistics.mean(values), f"+- {name}": statistics.stdev(values) if len(values) > 1 else 0.0}
        line |= {name: some[0][name] for name in ("learned", "bytes")}
        line |= {name: statistics.median(row[name] for row in some) for name in ("s a step", "peak [MB]")}
        found.append(line)
    return found


def picture(lines: Sequence[dict[str, Any]]) -> Figure:
    """Error on the target against what is forgotten, a panel for each target and number of samples."""
    cases = list(dict.fromkeys((line["target"], line["samples"]) for line in lines))
    figure = new_figure(3.4 * len(cases), 3.4)
    for panel, (target, samples) in zip(figure.subplots(1, len(cases), squeeze=False).flat, cases, strict=True):
        for line in lines:
            if (line["target"], line["samples"]) != (target, samples):
                continue
            panel.errorbar(
                line["MAE [m/s]"], line["forgotten [m/s]"], xerr=line["+- MAE [m/s]"], yerr=line["+- forgotten [m/s]"],
                marker="o", capsize=3, color=f"C{METHODS.index(line['method'])}", label=line["method"], linestyle="",
            )  # fmt: skip
        panel.axvline(next(line["MAE before [m/s]"] for line in lines if line["target"] == target), color="0.6", linestyle="--")
        panel.axhline(0, color="0.6", linewidth=0.8)
        panel.set_title(f"{target}, {samples} samples", fontsize="medium")
        panel.set_xlabel("MAE on the target [m/s]\n(dashed: before)")
        panel.set_ylabel("MAE on the old, risen by [m/s]")
        panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize="small")
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    if settings.unseen in settings.old or settings.seen not in settings.old:
        raise SystemExit(f"--seen {settings.seen} must be of --old {' '.join(settings.old)}, --unseen {settings.unseen} not.")
    only_these(settings, settings.output, free=("methods", "samples", "seeds"))
    device = alone(device_name)
    base, rows = measure(settings)
    lines = summary(settings, base, rows)
    print(table(lines), flush=True)
    shown = options_of(settings)
    record = {"date": now(), "device": device, "settings": shown, "versions": versions(), "base": base, "rows": rows}
    write(record | {"summary": lines}, picture(lines), settings.output)
    told = (
        f"{device}, {record['date']}; {base['preset']}, trained on {', '.join(settings.old)}; {settings.steps} steps of at most "
    )
    told += f"{settings.batch} samples; mean and standard deviation (+-) over seeds."
    write_text(f"{told}\n\n{markdown(lines)}\n", settings.output.with_suffix(".md"))


if __name__ == "__main__":
    main()
