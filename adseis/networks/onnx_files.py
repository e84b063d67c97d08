"""Networks for programs without JAX: ONNX files, for any number of samples at once, which are compared with the network."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from adseis.files import written_whole
from adseis.networks.adapters import Adapted, merge
from adseis.networks.onnx_layers import with_plain_convolutions

TOLERANCE = 1e-4
"""Of the largest output: how far a file of single precision may be from its network."""


@dataclass(frozen=True)
class Comparison:
    """A file beside the network that it was made of.

    Attributes:
        difference: Largest absolute difference of their outputs.
        peak: Largest absolute output of the network.
        latency: Median time of one call of the file with all samples, on the processor [s].
    """

    difference: float
    peak: float
    latency: float


def export_onnx(
    network: PyTree,
    path: str | os.PathLike[str],
    shape: tuple[int, ...],
    *,
    int8: bool = False,
    samples: Float[np.ndarray, "sample ..."] | None = None,
) -> Comparison:
    """Write a network as an ONNX file, in inference and in single precision, with adapters merged.

    The file takes "input" (samples, *shape) and gives "output", for any number of samples. It stands only if it has been run and
    does what the network does.

    Args:
        network: A function of one sample.
        path: File, `*.onnx`.
        shape: Of one sample.
        int8: Whether weights of dense layers and convolutions are written in 8 bits: a quarter of the size. What that costs is
            told, not judged; not every processor is faster by it.
        samples: What the file and the network are compared on, (sample, *shape); by default three of normal numbers.

    Returns:
        How far the file is from the network for these samples, and its time.

    Raises:
        ImportError: If jax2onnx or onnxruntime is not installed.
        ValueError: If the network has something in it that cannot be written, or is no function of one sample of `shape`.
        RuntimeError: If the file does something else than the network.
        OSError: If the file cannot be written.
    """
    to_onnx, _ = _packages()
    network = _single(network)
    try:
        with _quiet():
            written = jax.vmap(with_plain_convolutions(network))
            model = to_onnx(written, inputs=[("B", *shape)], input_names=["input"], output_names=["output"])
    except Exception as error:  # jax2onnx raises what it comes across
        raise ValueError(
            f"`network` cannot be written as ONNX for samples of {shape} ({type(error).__name__}: {str(error)[:200]}). See that "
            "it takes one such sample; in place of jax.image.resize and jnp.pad, which are not written, use matrices and indices."
        ) from error
    if samples is None:
        samples = np.random.default_rng(0).standard_normal((3, *shape)).astype(np.float32)
    with written_whole(path) as partial:
        partial.write_bytes(model.SerializeToString())
        for some in (samples[:1], samples):
            found = compare_onnx(partial, network, some)
            if not found.difference <= TOLERANCE * found.peak:
                raise RuntimeError(
                    f"the file of `network` is wrong by {found.difference:.3g} where the network gives {found.peak:.3g}, for "
                    f"{len(some)} samples: a fault of jax2onnx. It is known to mistake axes of softmax that are counted from the "
                    "first: softmax(x, axis=-1)."
                )
        if int8:
            _quantise(partial)
            found = compare_onnx(partial, network, samples)
    return found


def compare_onnx(
    path: str | os.PathLike[str], network: PyTree, inputs: Float[Array, "sample ..."] | Float[np.ndarray, "sample ..."]
) -> Comparison:
    """Run a file and the network that it was made of.

    Args:
        path: File that `export_onnx` has written.
        network: The network.
        inputs: Samples, (sample, *shape).

    Returns:
        Largest difference, largest output and latency.

    Raises:
        ImportError: If onnxruntime is not installed.
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no ONNX model, or gives another shape than the network.
    """
    _, runtime = _packages()
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file `{path}`.")
    try:
        session = runtime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # of classes that onnxruntime does not show
        raise ValueError(f"`{path}` is no ONNX file that onnxruntime reads ({str(error)[:200]}).") from error
    given = {session.get_inputs()[0].name: np.asarray(inputs, np.float32)}
    (found,) = session.run(None, given)
    wanted = np.asarray(eqx.filter_jit(lambda net, x: jax.vmap(net)(x))(_single(network), jnp.asarray(inputs, jnp.float32)))
    if found.shape != wanted.shape:
        raise ValueError(f"`{path}` gives {found.shape}, the network {wanted.shape}: it was made of another one.")
    times = []
    for _ in range(7):
        begin = time.perf_counter()
        session.run(None, given)
        times.append(time.perf_counter() - begin)
    return Comparison(float(np.abs(found - wanted).max()), float(np.abs(wanted).max()), float(np.median(times)))


def _single(network: PyTree) -> PyTree:
    """In inference and single precision, adapters merged where they can be."""
    if not isinstance(network, Adapted) or network.recipe.kind == "lora":
        network = merge(network)
    network = eqx.nn.inference_mode(network)
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, network)


def _quantise(path: Path) -> None:
    """Weights in 8 bits, unsigned: convolutions of signed ones are not there on processors."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

    with _quiet():
        quantize_dynamic(path, path, weight_type=QuantType.QUInt8)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of other packages about their own files."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)


def _packages() -> tuple[Any, Any]:
    try:
        import onnxruntime  # noqa: PLC0415  # pyright: ignore[reportMissingImports]
        from jax2onnx import to_onnx  # noqa: PLC0415  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(
            "ONNX files are written by jax2onnx and run by onnxruntime. Install them: pip install 'adseis[onnx]'."
        ) from error
    return to_onnx, onnxruntime
