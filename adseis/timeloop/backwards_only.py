"""What may only be differentiated backwards: the repair is told where JAX would name its own rule alone.

JAX finds out that a `custom_vjp` is asked for a forward derivative while it compiles, when no function of ours is running that
could explain it. So inputs pass a primitive first: nothing happens to values, nor to cotangents, and a tangent that is to be
computed is an error.
"""

from collections.abc import Sequence
from typing import Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import PyTree

REPAIR = (
    "ReverseSweep() has no forward derivative (`jax.jvp`, `jax.jacfwd`, `jax.linearize` of a simulation): pass "
    "adjoint=ads.AutoDiff(). JAX says: can't apply forward-mode autodiff (jvp) to a custom_vjp function."
)

_values, _tangents = Primitive("backwards_only"), Primitive("backwards_only_tangent")


def backwards_only(inputs: PyTree) -> PyTree:
    """The same, of which a forward derivative is an error that names the repair, also under `jax.jit`.

    Args:
        inputs: Arrays of floating-point numbers.

    Returns:
        Their values.
    """
    leaves, structure = jax.tree.flatten(inputs)
    return jax.tree.unflatten(structure, _values.bind(*leaves))


def _same(*values: Any) -> list[Any]:
    return list(values)


def _push(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Primals pass as they are, so that they may be differentiated again (Hessian products)."""
    pushed = iter(_tangents.bind(*[t for t in tangents if type(t) is not ad.Zero]))
    return list(primals), [t if type(t) is ad.Zero else next(pushed) for t in tangents]


def _refuse(*_: Any, **__: Any) -> Any:
    raise TypeError(REPAIR)


def _pull(cotangents: Sequence[Any], *tangents: Any) -> list[Any]:
    pairs = zip(cotangents, tangents, strict=True)
    return [cotangent if ad.is_undefined_primal(tangent) else None for cotangent, tangent in pairs]


for primitive in (_values, _tangents):
    primitive.multiple_results = True
    primitive.def_abstract_eval(_same)
_values.def_impl(_same)
mlir.register_lowering(_values, lambda _, *values: values)
batching.primitive_batchers[_values] = lambda values, axes: (_values.bind(*values), axes)
ad.primitive_jvps[_values] = _push
_tangents.def_impl(_refuse)
mlir.register_lowering(_tangents, _refuse)
batching.primitive_batchers[_tangents] = _refuse
ad.primitive_transposes[_tangents] = _pull
