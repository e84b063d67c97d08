"""The examples in the docstrings of the public face run and say what they show; every function and class of it has one."""

import doctest
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads

GLOBALS = {"ads": ads, "jax": jax, "jnp": jnp, "np": np}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
pytestmark = pytest.mark.filterwarnings("ignore:.*points per shortest wavelength")


def examples(name):
    """Those of a name: of a module, of its public functions; of a class, of its methods too."""
    thing = getattr(ads, name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    if not inspect.ismodule(thing):
        return [test for test in finder.find(thing, name, module=False, globs=GLOBALS) if test.examples]
    public = [n for n in vars(thing) if not n.startswith("_") and inspect.isfunction(getattr(thing, n))]
    found = [finder.find(getattr(thing, n), f"{name}.{n}", module=False, globs=GLOBALS) for n in public]
    return [test for tests in found for test in tests if test.examples]


@pytest.mark.parametrize("name", ads.__all__)
def test_examples(name, tmp_path, monkeypatch):
    """What each line prints, dots standing for anything; files that it writes go to a folder of its own."""
    monkeypatch.chdir(tmp_path)
    found = examples(name)
    assert found or inspect.ismodule(getattr(ads, name)), f"ads.{name} has no example"
    for test in found:
        said: list[str] = []
        result = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
        assert result.failed == 0, "".join(said)
