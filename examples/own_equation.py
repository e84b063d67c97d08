"""An equation of one's own: pore pressure around an injection well. Writes own_equation.png.

    p_t = div(D grad p) + q(t) delta(x - xs),

with D the hydraulic diffusivity [m^2/s], q the injection rate over the storage coefficient [Pa m^2/s]; no flow crosses the edges.
"""

import jax
import jax.numpy as jnp
import numpy as np

import adseis as ads
from adseis.timeloop.equation import Equation, Injection, Points, State
from adseis.timeloop.march import march
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.sections import plot_section


class Diffusion(Equation):
    """p' = p + div(c grad p), with c = D dt / h^2 halfway between the nodes, one array per axis."""

    def __init__(self, shape):
        self.shape = shape

    def initial_state(self, shots, dtype):
        return State({"p": jnp.zeros((shots, *self.shape), dtype)}, memory=())

    def step(self, coefficients, state, inject):
        p = state.fields["p"]
        for axis, c in enumerate(coefficients, start=1):
            flux = c[None] * jnp.diff(state.fields["p"], axis=axis)
            p = p + jnp.diff(flux, axis=axis, prepend=0, append=0)
        return State({"p": inject("p", p)}, memory=())


def simulate_diffusion(diffusivity, rate, wells, monitors, *, spacing, dt, adjoint=ads.ReverseSweep()):  # noqa: B008
    """Pressure (time, monitor) after every step; wells and monitors are nodes (point, axis), rates (time, well)."""
    d, rate = jnp.asarray(diffusivity), jnp.asarray(rate)
    coefficients = tuple(dt / spacing**2 * (a + b) / 2 for a, b in ((d[:-1], d[1:]), (d[:, :-1], d[:, 1:])))
    injections = {"p": Injection(_points(wells, d.shape, d.dtype), (rate * (dt / spacing**2)).astype(d.dtype)[:, None, :])}
    recordings = {"p": _points(monitors, d.shape, d.dtype)}
    records, _ = march(Diffusion(d.shape), coefficients, injections, recordings, len(rate), adjoint=adjoint)
    return records["p"][:, 0]  # of the only shot


def _points(nodes, shape, dtype):
    index = np.ravel_multi_index(np.transpose(nodes), shape)[None, :, None]  # (shot, point, tap): each point is one node
    return Points(jnp.asarray(index), jnp.ones(index.shape, dtype))


if __name__ == "__main__":
    spacing, dt, steps = 20.0, 60.0, 1440  # a day in minutes; stable while D dt / h^2 <= 1/4
    diffusivity = np.full((81, 81), 0.5)
    diffusivity[30:34, 20:60] = 1.5  # a permeable fault zone
    rate = np.full((steps, 1), 1e3)
    wells, monitors = np.array([[40, 40]]), np.array([[24, 40], [56, 40]])

    def pressure(d, **options):
        return simulate_diffusion(d, rate, wells, monitors, spacing=spacing, dt=dt, **options)

    def last(d, **options):
        return pressure(d, **options)[-1, 0]

    gradients = [jax.jit(jax.grad(lambda d, a=a: last(d, adjoint=a)))(diffusivity) for a in (ads.ReverseSweep(), ads.AutoDiff())]
    print(f"gradients of both strategies differ by {float(abs(gradients[0] - gradients[1]).max() / abs(gradients[1]).max()):.1e}")
    figure = new_figure(9.6, 3.9)
    left, right = figure.subplots(1, 2)
    left.plot(np.arange(1, steps + 1) * dt / 3600, pressure(diffusivity), label=["beyond the fault zone", "on the other side"])
    left.set(xlabel="time [h]", ylabel="pressure [Pa]", title="at the monitors")
    left.legend(frameon=False)
    limit = float(np.percentile(abs(gradients[0]), 98))
    style = {"label": "Pa per m$^2$/s", "limits": (-limit, limit), "colormap": "RdBu_r"}
    plot_section(gradients[0], spacing, axes=right, title="derivative of the last blue value by diffusivity", **style)
    print(f"wrote {save_figure(figure, 'own_equation.png')}")
