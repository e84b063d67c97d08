"""The options of a run, gathered once, and the one contract of callbacks."""

from pathlib import Path

import pytest

from adseis.optimizers.minimize import minimize
from adseis.optimizers.newton import NewtonCG
from adseis.optimizers.path import stop_asked
from adseis.optimizers.run import Run


def test_gathered_by_name():
    """Each keyword in its place; an unknown one is refused in the name of the function that the user called."""
    run = Run.gathered("locate", {"evaluations": 3, "progress": False})
    assert (run.evaluations, run.progress, run.journal) == (3, False, None)
    with pytest.raises(TypeError, match="`locate` knows no option `iterations`, `jurnal`; .* takes method, evaluations"):
        Run.gathered("locate", {"jurnal": "run.h5", "iterations": 3})
    with pytest.raises(ValueError, match="`evaluations` = 0 must be positive"):
        Run.gathered("locate", {"evaluations": 0})
    with pytest.raises(ValueError, match="`method` = 'newton' is unknown"):
        Run(method="newton")


def test_parts_of_a_run():
    """A part has a journal beside the whole one, and counts on; what the user chose is not overruled."""
    seen = []
    run = Run(journal="a/run.h5", callback=lambda *told: seen.append(told), method="Newton-CG")
    assert run.journal_of("band1").journal == Path("a/run-band1.h5")
    run.counting_from(7).callback(2, "x", 0.5)
    assert seen == [(9, "x", 0.5)]
    assert run.starting_with(0.3).first_step == 0.3
    assert run.starting_with(0.3).starting_with(0.1).first_step == 0.3
    assert run.walker == NewtonCG()
    assert Run().journal_of("band1").journal is Run().counting_from(7).callback is None


def test_when_a_callback_ends_a_run():
    """By what it returns or by StopIteration; other faults are the user's."""

    def stop(*told):
        raise StopIteration

    assert [stop_asked(lambda k, x, v, answer=answer: answer, 1, None, 0.0) for answer in (None, False, 0, 1, "yes")] == [
        False, False, False, True, True,
    ]  # fmt: skip
    assert stop_asked(stop, 1, None, 0.0)
    assert not stop_asked(None, 1, None, 0.0)
    with pytest.raises(ZeroDivisionError):
        minimize(lambda x: x**2, 1.0, callback=lambda k, x, v: 1 / 0, progress=False)
