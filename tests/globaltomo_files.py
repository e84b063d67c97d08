"""Files as GlobalTomo's tiers have them, small and of random numbers, written by h5py alone; and recordings to write with."""

from dataclasses import replace

import h5py
import numpy as np

from adseis.data import globaltomo

ELEMENTS = 12


def elements(count=ELEMENTS):
    """Places in a half plane: on the axis, on the surface, and between."""
    rng = np.random.default_rng(0)
    radius, angle = rng.uniform(100, 1000, count), np.linspace(0, np.pi, count)
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], -1).astype("float32")


def recording(tier, **options):
    """What the files of a tier say."""
    options = {"frame": "x y z", "source_time_function": "exp(-(30 t)^2)", "lowpass": 20.0, "elements": elements(), **options}
    if tier.first_snapshot is None:
        options.setdefault("snapshots", 300.0 * np.arange(tier.snapshots))
    return globaltomo.Recording(tier, **options)


def rows(tier, samples, count=ELEMENTS, seed=0):
    """Arrays of all samples, by what they are; harmonics too."""
    rng = np.random.default_rng(seed)

    def some(*shape):
        return rng.standard_normal((samples, *shape), dtype="float32")

    components = (3,) if tier.vector else ()
    made = {
        "harmonics": (some(tier.coefficients) / 40).astype("float32"),
        "seismogram": some(*tier.stations, 3, tier.samples),
        "slices": some(tier.snapshots, tier.slices, count, *components),
        "fourier": some(tier.snapshots, count, tier.numbers * (3 if tier.vector else 1)),
    }
    return made | ({"source": some(tier.source)} if tier.source else {})


def write_plainly(path, tier, what, made, **attributes):
    """One file as theirs, contiguous and without attributes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples, places = len(made["harmonics"]), recording(tier, elements=elements(made["slices"].shape[3]))
    with h5py.File(path, "w") as file:
        if what != "source":
            file["harmonics"] = made["harmonics"]
        key = {"seismogram": "disp", "slices": tier.field, "fourier": "X_coef", "source": "source"}[what]
        file[key] = made[what]
        file[key].attrs.update(attributes)
        if what == "seismogram":
            for name in ("station_coords_spherical", "station_coords_cartesian", "time"):
                values = places.beside(name).astype("float32")
                file[name] = np.broadcast_to(values, (samples, *values.shape))
        if what == "slices":
            file["element_coords_cartesian"] = places.beside("element_coords_cartesian")  # theirs are float64
            file["timestep"] = np.broadcast_to(places.beside("timestep").astype("float32"), (samples, tier.snapshots))
        if what == "fourier":
            file["element_coords_sz"] = places.elements.astype(float)
    return path


def tiny(name, **options):
    """A tier with few stations and short seismograms; everything else is theirs."""
    return replace(globaltomo.TIERS[name], **{"stations": (5, 7), "samples": 6, **options})


def folder_of(folder, tier, samples, per_file=None, whats=None, seed=0):
    """A folder of a tier, and what is in it."""
    made = rows(tier, samples, seed=seed)
    for what in whats or tier.whats():
        if what in tier.singles():
            write_plainly(folder / tier.file(what), tier, what, made)
            continue
        for first in range(0, samples, per_file):
            part = {name: values[first : first + per_file] for name, values in made.items()}
            write_plainly(folder / tier.shard(what, first, len(part["harmonics"])), tier, what, part)
    return made
