"""What is simulated of a tier of GlobalTomo, as data: mesh, source, medium."""

from dataclasses import dataclass

REACH, DECAY = 2.5, 1.628
"""AxiSEM3D's Gaussian exp(-(1.628 t / d)^2), d being its half duration, begins at -2.5 d."""


@dataclass(frozen=True)
class Setup:
    """How the waves of a tier are simulated.

    GlobalTomo's source time function is unpublished, but its snapshots tell it: they are 0.1996616 s apart, and one such interval
    before the first of them it is -0.1252594 s, which is when AxiSEM3D begins with a Gaussian of a half duration of 0.05 s,
    rounded up to a whole number of steps (of 0.9418 ms: 133 to there, 212 an interval).

    Attributes:
        frequency: The highest that the mesh is planned for [Hz]; there the spectrum of the source has fallen to 2.4 %.
        azimuthal_order: The largest around the source.
        speeds: The slowest and the fastest that the mesh is planned for [m/s]; other structures are drawn again.
        half_duration: Of the source, a Gaussian around t = 0 [s].
        resolution: Elements for the shortest wavelength; by default what `sphere.ball` takes.
        amplitude: Of the source: of a fluid [m^3], such that the factors of `SCALING` suit; of a solid its scalar moment [N m].
        source_depth: Below the pole [m].
        vp: Of the unperturbed ball [m/s].
        vs: Likewise; 0 of a fluid.
        rho: Density [kg/m^3].
    """

    frequency: float
    azimuthal_order: int
    speeds: tuple[float, float]
    half_duration: float
    resolution: float | None = None
    amplitude: float = 1e-4
    source_depth: float = 200.0
    vp: float = 1000.0
    vs: float = 0.0
    rho: float = 1000.0
