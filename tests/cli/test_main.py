"""The dispatcher: help, TOML under flags, one line and an exit code for every failure."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from adseis.cli.info import Info
from adseis.cli.info import run as run_info
from adseis.cli.main import main
from adseis.cli.parsing import one_line


@dataclass(frozen=True)
class Band:
    """A band of frequencies."""

    corner: float = 3.0
    """Corner [Hz]."""


@dataclass(frozen=True)
class Work:
    """Do some work."""

    iterations: int = 10
    """Number of iterations."""
    model: Path | None = None
    """Model file."""
    fault: str = ""
    """How to fail."""
    corners: tuple[float, ...] = ()
    """Corners [Hz]."""
    data: tuple[Path, ...] = ()
    """Files."""
    physics: Literal["scalar", "elastic"] | None = None
    """Physics."""
    band: Band = field(default_factory=Band)


def checked(x):
    return eqx.error_if(x, x < 0, "`vp` goes down to -1 m/s;\nit must be positive.") + 1


FAULTS = {
    "value": lambda: (_ for _ in ()).throw(ValueError("`vp` is\n wrong.")),
    "option": lambda: (_ for _ in ()).throw(ValueError('`iterations` = 3 and `band.corner`, or give `model="m.npy"`.')),
    "absent": lambda: (_ for _ in ()).throw(ImportError("Install it.")),
    "type": lambda: (_ for _ in ()).throw(TypeError("`dt` is a word.")),
    "disk": lambda: Path("/proc/absent/file").write_text(""),
    "run": lambda: (_ for _ in ()).throw(RuntimeError("the misfit is NaN at iterate 3.")),
    "equinox": lambda: eqx.filter_jit(checked)(-jnp.ones(())),
    "jax": lambda: jax.jit(checked)(-jnp.ones(())).block_until_ready(),
    "empty": lambda: (_ for _ in ()).throw(MemoryError),
    "stop": lambda: (_ for _ in ()).throw(KeyboardInterrupt),
    "bug": lambda: {}["key"],
}
SEEN = []


def work(config):
    SEEN.append(config)
    if config.fault:
        FAULTS[config.fault]()
    return 0


COMMANDS = {"work": (Work, work), "info": (Info, run_info)}


@pytest.fixture
def adseis(capsys, monkeypatch):
    """Run a command line; returns (exit code, stdout, stderr)."""
    monkeypatch.delenv("ADSEIS_DEBUG", raising=False)
    SEEN.clear()

    def call(*argv):
        code = main([str(word) for word in argv], commands=COMMANDS)
        return code, *capsys.readouterr()

    yield call
    logging.getLogger("jax._src.callback").setLevel(logging.NOTSET)


def test_defaults_toml_flags(adseis, tmp_path):
    """Flags override the file, the file overrides the defaults, wherever --config stands."""
    toml = tmp_path / "job.toml"
    toml.write_text('iterations = 3\nmodel = "m.npy"\n[band]\ncorner = 5')
    assert adseis("work")[0] == 0
    assert adseis("work", "--config", toml)[0] == 0
    assert adseis("work", "--iterations", 4, "--band.corner", 6, f"--config={toml}")[0] == 0
    in_file = Work(iterations=3, model=Path("m.npy"), band=Band(5.0))
    under_flags = Work(iterations=4, model=Path("m.npy"), band=Band(6.0))
    assert [Work(), in_file, under_flags] == SEEN


@pytest.mark.parametrize("words", [("3", "5"), ("3,5",), ("3,", "5"), ("-3,5", "--model", "m.npy")])
def test_numbers_joined_by_commas(adseis, words):
    """Are as good as those with blanks between."""
    assert adseis("work", "--corners", *words)[0] == 0
    assert [abs(corner) for corner in SEEN[0].corners] == [3.0, 5.0]
    assert adseis("work", "--corners=3,5")[0] == 0
    assert SEEN[1].corners == (3.0, 5.0)


def test_names_of_files_keep_their_commas(adseis, tmp_path):
    """Several are a list in TOML too."""
    toml = tmp_path / "job.toml"
    toml.write_text('data = ["a,1.segy", "b.segy"]')
    for words in (("--data", "a,1.segy", "b.segy"), ("--data=a,1.segy", "b.segy", "--corners", "3,5"), ("--config", toml)):
        assert adseis("work", *words)[0] == 0
    assert [seen.data for seen in SEEN] == 3 * [(Path("a,1.segy"), Path("b.segy"))]


def test_flags_of_lists_may_be_repeated(adseis):
    """Their values are joined, whatever stands between; of pairs and single values the last counts."""
    assert adseis("work", "--data", "a", "--corners", 3, "--data=b", "--corners", "5,6", "--data", "c", "--iterations", 4)[0] == 0
    assert (SEEN[0].data, SEEN[0].corners, SEEN[0].iterations) == ((Path("a"), Path("b"), Path("c")), (3.0, 5.0, 6.0), 4)
    assert adseis("work", "--iterations", 4, "--iterations", 5)[0] == 0
    assert SEEN[1].iterations == 5


def test_help(adseis):
    code, out, err = adseis("--help")
    assert (code, err) == (0, "")
    assert "work" in out
    assert "Do some work." in out
    code, out, err = adseis("work", "--help")
    assert (code, err) == (0, "")
    for piece in ("--iterations INT", "Number of iterations. (default: 10)", "--config FILE.toml", "Corner [Hz].",
                  "--corners FLOAT [FLOAT ...]", "--data PATH [PATH ...]",
                  "--physics {scalar,elastic}", "--band.corner FLOAT"):  # fmt: skip
        assert piece in out
    assert "None" not in out
    assert "(default: )" not in out
    assert not SEEN


def test_help_shows_the_defaults_of_the_file(adseis, tmp_path):
    (tmp_path / "job.toml").write_text("iterations = 3")
    assert "(default: 3)" in adseis("work", "--config", tmp_path / "job.toml", "--help")[1]


@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("wrok",), "no command 'wrok'; there are work, info. Perhaps you meant work."),
        (("work", "--iteration", 3), "no option --iteration of `adseis work`. Perhaps you meant --iterations."),
        (("work", "--modle=x"), "no option --modle of `adseis work`. Perhaps you meant --model."),
        (("work", "--corner", 3), "Perhaps you meant --corners."),
        (("info", "--fault", 3), "no option --fault of `adseis info`. It is one of `adseis work`."),
        (("work", "--gpu"), "no option --gpu: JAX chooses the device, and `adseis info` shows which"),
        (("--device", "gpu"), "no option --device: JAX chooses"),
        (("work", "--iterations", "x"), "Error parsing --iterations: invalid literal"),
        (("work", "--corners", "3,x"), "--corners takes numbers, such as --corners 3 5, not 'x'"),
        (("work", "--corners", "--iterations", 3), "--corners has no values"),
        (("work", "--physics", "plastic"), "invalid choice 'plastic' for argument '--physics'. Expected one of ('"),
        (("work", "--config"), "--config"),
        (("work", "--config", "absent.toml"), "no configuration file at `absent.toml`"),
        (("info", "absent"), "no run folder at `absent`"),
    ],
)
def test_bad_command_line(adseis, argv, message, monkeypatch, utf8):
    """One line on stderr, nothing on stdout, exit code 2, nothing run; whichever way tyro draws its boxes."""
    monkeypatch.setattr("tyro._fmtlib._FORCE_UTF8_BOXES", utf8)
    code, out, err = adseis(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("adseis: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not SEEN


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        (
            "╭─ Title ─╮\n│ No such │\n│ thing.  │\n│ ─────── │\n│ Perhaps you meant: │\n│    --x INT │\n╰────╯",
            "No such thing. See --help.",
        ),
        ("------\nTitle\n------\nNo such\nthing.\n------\nMore", "No such thing. See --help."),
        ("╔═ Title ═╗\n║ No such thing ║\n╚═════════╝", "No such thing"),
        ("No such thing", "No such thing. See --help."),
    ],
    ids=["box", "ascii", "a box of another kind", "no box"],
)
def test_a_box_becomes_a_line(drawn, message):
    """tyro has no public way to its complaint but its text; however it is drawn next, nothing of it is lost."""
    line = one_line(drawn)
    assert message in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        ("value", 2, "adseis: error: `vp` is wrong.\n"),
        ("option", 2, "adseis: error: --iterations 3 and --band.corner, or give --model m.npy.\n"),
        ("absent", 2, "adseis: error: Install it.\n"),
        ("type", 2, "adseis: error: `dt` is a word.\n"),
        ("disk", 2, "adseis: error: [Errno 2] No such file or directory: '/proc/absent/file'\n"),
        ("run", 1, "adseis: error: the misfit is NaN at iterate 3.\n"),
        ("equinox", 1, "adseis: error: `vp` goes down to -1 m/s; it must be positive.\n"),
        ("jax", 1, "adseis: error: `vp` goes down to -1 m/s; it must be positive.\n"),
        ("empty", 1, "adseis: error: MemoryError\n"),
        ("stop", 130, "adseis: interrupted; the same command continues where it stopped.\n"),
    ],
)
def test_failures(adseis, fault, code, message):
    """Every expected failure is exactly one line; the log of a failed check in JAX is silenced with it."""
    assert adseis("work", "--fault", fault) == (code, "", message)


def test_debug_shows_the_traceback(adseis, monkeypatch):
    assert "Traceback" in adseis("work", "--fault", "value", "--debug")[2]
    monkeypatch.setenv("ADSEIS_DEBUG", "1")
    assert "Traceback" in adseis("work", "--fault", "value")[2]


def test_bugs_are_not_hidden(adseis):
    """What nobody foresaw keeps its traceback."""
    with pytest.raises(KeyError):
        adseis("work", "--fault", "bug")
