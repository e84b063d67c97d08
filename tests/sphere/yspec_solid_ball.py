"""What yspec makes of a homogeneous solid ball, kept in `yspec_solid_ball.npz` for the tests beside this file; not a test itself.

In an environment of its own, with Python 3.12 or later (a minute or two):

    python3.12 -m venv yspec && yspec/bin/pip install yspec-seismo==0.1.0
    yspec/bin/python tests/sphere/yspec_solid_ball.py

The ball has a radius of 1 km, vp = 1500 m/s, vs = 1000 m/s, rho = 1000 kg/m^3, no gravity and no attenuation. yspec wants one of
the Earth's size: times are longer by the same factor, displacements equal if moments are larger by its square, forces by itself.

Every moment *rate* [N m/s] and every force [N] of `SOURCES` follows one Ricker wavelet, s(t) = (1 - 2 x^2) exp(-x^2) with
x = pi PEAK (t - DELAY). yspec is asked for the acceleration that its steps of moment and of force make, tapered from 15 to 20 Hz,
where the spectrum of s is below 1e-6 of its highest. Convolved here, in frequency, with s integrated twice (of a force, once), it
becomes the displacement of s. yspec leaves out the zero frequency, so the record it is asked for is longer than the one kept.
What its cut spectrum rings before the first arrival, over 0.4 s, is muted, lest its sharp start at t = 0 be integrated too.

Positions are geocentric: latitude and longitude [degrees], radius [m]; r points up, t south, p east. The file holds `source`
(3,), `stations` (3, station), `dt`, `rate` (time,), each source's strength under its name, and under its name and yspec's highest
degree the displacement [m], (station, Z N E, time), at t = k DT.
"""

from pathlib import Path

import numpy as np
import yspec

RADIUS, VP, VS, RHO = 1000.0, 1500.0, 1000.0, 1000.0
SCALE = 6371.0
PEAK, DELAY, DT, STEP, DURATION = 3.5, 0.5, 0.005, 0.02, 2.25
TAPER, RECORD, DEGREES = (15.0, 20.0), 10.0, (100, 150)  # Hz, s
QUIET = (0.05, 0.3)  # s
SOURCE = (35.0, 20.0, 800.0)  # latitude, longitude, radius
STATIONS = [(40.0, 30.0, 1000.0), (95.0, 200.0, 1000.0), (150.0, 80.0, 1000.0), (70.0, 300.0, 600.0)]  # distance, azimuth, radius
MOMENTS = ("rr", "tt", "pp", "rt", "rp", "tp")
SOURCES = {
    "explosion": {"moment": (1e10, 1e10, 1e10, 0, 0, 0)},
    "double_couple": {"moment": (4e9, 4e9, -8e9, 5e9, -2e9, 2e9)},  # slip (1, 2, -2), normal (2, 1, 2)
    "force": {"force": (2e7, -1e7, 1.5e7)},
}


def geographic(latitude):
    """yspec's latitudes are geographic."""
    return np.degrees(np.arctan2(np.sin(np.radians(latitude)), 0.9933 * np.cos(np.radians(latitude))))


def at(distance, azimuth):
    """Latitude and longitude of a station."""
    (lat, lon), d, az = np.radians(SOURCE[:2]), np.radians(distance), np.radians(azimuth)
    north = np.sin(lat) * np.cos(d) + np.cos(lat) * np.sin(d) * np.cos(az)
    east, towards = np.sin(az) * np.sin(d) * np.cos(lat), np.cos(d) - np.sin(lat) * north
    return np.degrees(np.arcsin(north)), np.degrees(lon + np.arctan2(east, towards))


def model():
    rows = [f"{r:.3f} {RHO} {VP} {VS} 1e5 1e5 {VP} {VS} 1.0" for r in np.linspace(0, SCALE * RADIUS, 60)]
    return yspec.Model.from_text("\n".join(["ball", "1 1.0 1 2", f"{len(rows)} 0 0", *rows, ""]))


def source(name):
    place = geographic(SOURCE[0]), SOURCE[1], SCALE * (RADIUS - SOURCE[2]) / 1e3
    if "moment" in SOURCES[name]:
        moment = {key: SCALE**2 * value for key, value in zip(MOMENTS, SOURCES[name]["moment"], strict=True)}
        return yspec.Source(*place, moment_tensor=moment)
    return yspec.Source(*place, force={key: SCALE * value for key, value in zip("rtp", SOURCES[name]["force"], strict=True)})


def displacement(acceleration, integrals):
    """Of s(t), at t = k DT, from the acceleration of steps: convolved with s integrated once or twice."""
    n = 2 * acceleration.shape[-1]
    mute = np.clip((np.arange(n // 2) * STEP - QUIET[0]) / (QUIET[1] - QUIET[0]), 0, 1)
    w = 2 * np.pi * np.fft.rfftfreq(n, STEP)
    width = 1 / (np.pi * PEAK)
    spectrum = np.sqrt(np.pi) / 2 * width**3 * w**2 * np.exp(-((w * width / 2) ** 2) - 1j * w * DELAY)
    integrated = spectrum / np.where(w > 0, 1j * w, 1) ** integrals
    integrated[0] = -np.sqrt(np.pi) / 2 * width**3 if integrals == 2 else 0
    fine = n * round(STEP / DT)
    trace = np.fft.irfft(np.fft.rfft(acceleration * np.sin(np.pi / 2 * mute) ** 2, n) * integrated, fine) * (fine / n)
    return trace[..., : round(DURATION / DT)]


def experiment():
    """What a solver needs to know."""
    x = np.pi * PEAK * (np.arange(round(DURATION / DT)) * DT - DELAY)
    stations = np.array([(*at(distance, azimuth), radius) for distance, azimuth, radius in STATIONS]).T
    kept = {"source": SOURCE, "stations": stations, "dt": DT, "rate": (1 - 2 * x**2) * np.exp(-(x**2))}
    return kept | {name: next(iter(strength.values())) for name, strength in SOURCES.items()}


def main():
    kept = experiment()
    receivers = [yspec.Receiver(geographic(lat), lon, SCALE * (RADIUS - r) / 1e3) for lat, lon, r in kept["stations"].T]
    for degrees in DEGREES:
        calculation = yspec.Calculation(
            degrees=degrees,
            frequencies_mhz=(1e-6, 1e3 * TAPER[1] / SCALE),
            length_min=SCALE * RECORD / 60,
            time_step_s=SCALE * STEP,
            filter_mhz=(0, 0, 1e3 * TAPER[0] / SCALE, 1e3 * TAPER[1] / SCALE),
            gravity="none",
            attenuation=False,
            quantity="acceleration",
            tolerance=1e-8,
        )
        made = yspec.seismograms(model(), calculation, [source(name) for name in SOURCES], receivers)
        for name, acceleration in zip(SOURCES, made.data * SCALE**2, strict=True):
            kept[f"{name}_{degrees}"] = np.float32(displacement(acceleration, 2 if "moment" in SOURCES[name] else 1))
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **kept)


if __name__ == "__main__":
    main()
