"""An implicit equation of one's own: scalar waves at three times the explicit time step. Writes implicit_equation.png.

    (1/vp^2) u_tt - laplacian(u) = s(t) delta(x - xs),    u = 0 beyond the edges.

With c = vp dt and K = -laplacian, the second difference d of u in time is found at every step from

    (1/c^2 + a K + b K c^2 K) d = s + a dt^2 s'' - K u.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.sparse.linalg import cg

import adseis as ads
from adseis.experiment.sampling import fastest_speed
from adseis.signals import add_time_dispersion, divide, remove_time_dispersion
from adseis.timeloop.equation import AdjointState, Equation, Injection, Points, State, SweptEquation
from adseis.timeloop.march import march
from adseis.timeloop.override import current_adjoint
from adseis.viz.curves import plot_curve
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.sections import plot_section
from adseis.waves.stencils import difference, pad, stencils_of

HALO = 2  # of differences of order 4
TRAPEZOIDAL, GAUSS = (1 / 4, 0.0), (1 / 12, 1 / 144)  # a, b: of order 2 and 4 in time, stable for every dt


class ImplicitWave(Equation):
    """u' = 2 u - u_before + d; the coefficient is c = vp dt, `(1, *shape)`, zero in the halo."""

    def __init__(self, shape, spacing, scheme, tolerance):
        self.shape, self.scheme, self.tolerance = shape, scheme, tolerance
        self.second = stencils_of(2 * HALO, spacing).second

    def initial_state(self, shots, dtype):
        rest = jnp.zeros((shots, *self.shape), dtype)
        return State({"u": rest}, memory=rest)

    def step(self, coefficients, state, inject):
        u, before = state.fields["u"], state.memory
        d = self.solve(coefficients, inject("u", self.laplacian(u)))
        return State({"u": 2 * u - before + d}, memory=u)

    def solve(self, c, force):
        """d = c e, where (1 + a S + b S^2) e = c force with S = c K c: symmetric, positive, and well scaled whatever vp does."""
        a, b = self.scheme

        def stiffness(e):
            return -c * self.laplacian(c * e)

        def matrix(e):
            return e + stiffness(a * e + b * stiffness(e) if b else a * e)

        def solver(matrix, right):
            return cg(matrix, right, tol=self.tolerance)[0]

        return c * jax.lax.custom_linear_solve(matrix, c * force, solver, solver, symmetric=True)

    def laplacian(self, u):
        return pad(difference(self.second, u, 1, HALO) + difference(self.second, u, 2, HALO), HALO)


class SweptImplicitWave(ImplicitWave, SweptEquation):
    """The same with its transposed step, for faster gradients: since the matrix is symmetric, the same solve."""

    def remember(self, state):
        return state.fields["u"] - state.memory

    def initial_adjoint(self, shots, dtype):
        rest = jnp.zeros((shots, *self.shape), dtype)
        return AdjointState({"u": rest}, memory=rest, gradient=rest)

    def reverse_step(self, coefficients, adjoint, before, after, collect):
        u, u_after, gradient = adjoint.fields["u"], adjoint.memory, adjoint.gradient
        force = self.solve(coefficients, u)
        collect("u", force)
        if before is not None:  # c^4 times the derivative of the matrix by c^2, between force and d
            d, w = after - before, coefficients**2
            gradient = gradient + force * d
            gradient = gradient - self.scheme[1] * (w * self.laplacian(force)) * (w * self.laplacian(d))
        return AdjointState({"u": 2 * u - u_after + self.laplacian(force)}, memory=u, gradient=gradient)

    def gradient(self, coefficients, adjoint, injected):
        del injected
        return divide(2 * adjoint.gradient.sum(0, keepdims=True), coefficients**3)


def simulate_implicit(vp, wavelet, source, receivers, *, spacing, dt, scheme=GAUSS, tolerance=1e-6, adjoint=ads.ReverseSweep()):  # noqa: B008, PLR0913
    """u (time, receiver) at t = k dt; source and receivers are nodes (axis,) and (receiver, axis)."""
    c = pad(dt * jnp.asarray(vp)[None], HALO)
    shape = c.shape[1:]
    samples = jnp.asarray(wavelet, c.dtype)
    before, after = jnp.pad(samples, (1, 0))[:-1], jnp.pad(samples, (0, 1))[1:]
    samples = (samples + scheme[0] * (after - 2 * samples + before)) / spacing**2
    injections = {"u": Injection(_points(source[None], shape, c.dtype), samples[:-1, None, None])}
    equation = SweptImplicitWave(shape, spacing, scheme, tolerance)
    recordings = {"u": _points(receivers, shape, c.dtype)}
    adjoint = current_adjoint(adjoint)  # the one that `ads.certify` wants instead, where it does
    records, _ = march(equation, c, injections, recordings, len(wavelet) - 1, adjoint=adjoint)
    return jnp.pad(records["u"][:, 0], ((1, 0), (0, 0)))  # at rest at t = 0


def _points(nodes, shape, dtype):
    index = np.ravel_multi_index(np.transpose(nodes + HALO), shape)[None, :, None]  # (shot, point, tap)
    return Points(jnp.asarray(index), jnp.ones(index.shape, dtype))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="time step of the implicit schemes over the explicit limit")
    parser.add_argument("--seconds", type=float, default=0.7, help="length of the records")
    parser.add_argument("--tolerance", type=float, default=1e-6, help="relative residual at which a step is solved")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)

    # The fast sheet sets the explicit limit, the slow layer the wavelengths.
    shape, spacing = (81, 121), 10.0
    z, x = np.meshgrid(spacing * np.arange(shape[0]), spacing * np.arange(shape[1]), indexing="ij")
    vp = np.where(z < 300, 2000.0, 2600.0)
    vp[(z > 500) & (z < 560) & (x > 300) & (x < 900)] = 4500.0
    true = vp + 200 * np.exp(-((z - 300) ** 2 + (x - 700) ** 2) / 100**2)
    limit = np.floor(1e6 * fastest_speed((spacing, spacing), 1.0, 2 * HALO, staggered=False) / vp.max()) / 1e6
    dt = options.times * limit
    source, columns = np.array([5, 30]), np.arange(10, 115, 5)
    receivers = np.concatenate([np.stack([np.full_like(columns, row), columns], -1) for row in (5, 75)])
    count = int(options.seconds / dt)  # of long steps; every run is compared at their ends

    def explicit(vp, parts, corrected=False):
        """By the library; corrected, freed of the error of its steps after the fact, which cut records are not at their end."""
        grid = ads.Grid(shape, spacing, dt / parts, parts * (count + 25 * corrected) + 1)
        emitted = ads.wavelets.ricker(16.0, grid.nt, grid.dt)
        emitted = add_time_dispersion(emitted, grid.dt) if corrected else emitted
        survey = ads.Survey(ads.Explosion(spacing * source[None, None], emitted), spacing * receivers)
        u = ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, boundary=ads.Rigid())[0]
        u = remove_time_dispersion(u, grid.dt, axis=0) if corrected else u
        return u[: parts * count + 1 : parts]

    def implicit(vp, parts, scheme=GAUSS, tolerance=options.tolerance):
        wavelet = ads.wavelets.ricker(16.0, parts * count + 1, dt / parts)
        setting = {"spacing": spacing, "dt": dt / parts, "scheme": scheme, "tolerance": tolerance}
        return simulate_implicit(vp, wavelet, source, receivers, **setting)[::parts]

    schemes = {
        "explicit": (explicit, (options.times, 2 * options.times)),
        "trapezoidal": (lambda vp, parts: implicit(vp, parts, TRAPEZOIDAL), (1, 3)),
        "Gauss": (implicit, (1, 2, 3)),
        "corrected": (lambda vp, parts: explicit(vp, parts, corrected=True), (options.times,)),
    }
    exact = explicit(vp, 32 * options.times)
    records, errors, steps = {}, {}, {}
    print(f"explicit limit {1e3 * limit:.2f} ms; errors are RMS, relative to the explicit scheme at 1/32 of it")
    for name, (simulate, divisions) in schemes.items():
        steps[name], errors[name] = dt / np.array(divisions) / limit, []
        for parts, step in zip(divisions, steps[name], strict=True):
            records[name, parts], seconds = timed(jax.jit(lambda vp, f=simulate, n=parts: f(vp, n)), vp)
            errors[name].append(float(jnp.linalg.norm(records[name, parts] - exact) / jnp.linalg.norm(exact)))
            print(f"{name:11s} dt = {step:.2f} limits: error {errors[name][-1]:.2e}, {seconds:.3f} s")

    observed = explicit(true, 32 * options.times)  # by another scheme

    def misfit(vp, simulate=implicit, parts=1, **how):
        return ads.misfits.l2(simulate(vp, parts, **how), observed)

    wanted = jax.jit(jax.grad(lambda vp: misfit(vp, explicit, 8 * options.times)))(vp)
    for name, parts in (("explicit", 2 * options.times), ("corrected", options.times), ("Gauss", 1)):
        gradient, seconds = timed(jax.jit(jax.grad(lambda vp, f=schemes[name][0], n=parts: misfit(vp, f, n))), vp)
        error = float(jnp.linalg.norm(gradient - wanted) / jnp.linalg.norm(wanted))
        print(f"gradient by {name:11s} dt = {dt / parts / limit:.2f} limits: error {error:.2e}, {seconds:.3f} s")
    ads.certify(lambda vp: misfit(vp, tolerance=1e-13), vp)

    figure = new_figure(10.5, 7.0)
    axes = figure.subplots(2, 2)
    points = {"sources": spacing * source, "receivers": spacing * receivers}
    plot_section(vp, spacing, axes=axes[0, 0], title="medium; the fast sheet sets the explicit limit", points=points)
    far = len(columns) + 14
    traces = {
        "explicit, fine": exact,
        **{f"{name}, {options.times} limits": records[name, 1] for name in ("trapezoidal", "Gauss")},
    }
    for (label, trace), look in zip(traces.items(), ("C0-", "C1-", "C2--"), strict=True):
        axes[0, 1].plot(dt * np.arange(count + 1), np.asarray(trace[:, far]), look, label=label, linewidth=1.4)
    axes[0, 1].set(xlabel="time [s]", ylabel="u")
    axes[0, 1].set_title(f"below, at x = {1e-3 * spacing * columns[14]:.2f} km", fontsize="medium")
    axes[0, 1].legend(frameon=False)
    plot_curve(errors, x=steps, axes=axes[1, 0], xlabel="dt / explicit limit", ylabel="relative RMS error of all records")
    axes[1, 0].set_xscale("log")
    marked = sorted({float(step) for some in steps.values() for step in some})
    axes[1, 0].set_xticks(marked, [f"{step:g}" for step in marked])
    axes[1, 0].set_xticks([], minor=True)
    peak = float(np.percentile(abs(gradient), 99))
    style = {"label": "misfit per m/s", "limits": (-peak, peak), "colormap": "RdBu_r"}
    plot_section(gradient, spacing, axes=axes[1, 1], title=f"gradient by vp through Gauss at {options.times} limits", **style)
    print(f"wrote {save_figure(figure, 'implicit_equation.png')}")


def timed(function, vp):
    """What a compiled function returns, and the seconds of the fastest of three calls."""
    result, seconds = jax.block_until_ready(function(vp)), []
    for _ in range(3):
        begin = time.perf_counter()
        jax.block_until_ready(function(vp))
        seconds.append(time.perf_counter() - begin)
    return result, min(seconds)


if __name__ == "__main__":
    main()
