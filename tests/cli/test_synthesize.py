"""`adseis synthesize`: what it makes of its options, its page of statistics, its complaints; jobs by submitit."""

import contextlib
import logging
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from adseis.cli import farm
from adseis.cli.farm import ClusterOptions, synthesize_by_jobs
from adseis.cli.main import main
from adseis.data import openfwi
from adseis.data.models import write_model
from adseis.data.openfwi_synthesis import OpenFwi
from adseis.data.synthesis import read_manifest, synthesize


def cheap(maps):
    """Gathers that are none."""
    return np.broadcast_to(maps.mean((1, 2))[:, None, None, None] / 100, (len(maps), 5, 1000, 70))


@pytest.fixture
def adseis(capsys, monkeypatch, tmp_path):
    """Run a command line in a folder of its own, its simulations for nothing; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("adseis.data.openfwi_synthesis._simulator", lambda: (cheap, 2))

    def call(*argv):
        code = main(["synthesize", *(str(word) for word in argv)])
        return code, *capsys.readouterr()

    yield call
    logging.getLogger("jax._src.callback").setLevel(logging.NOTSET)


SMALL = ("--samples", 3, "--samples-per-file", 2, "--output", "made")


def test_help(adseis):
    code, out, err = adseis("--help")
    assert (code, err) == (0, "")
    for piece in (
        "openfwi",
        "--family TEXT [TEXT ...]",
        "curve-fault-b",
        "--cluster {slurm,local}",
        "--samples-per-file INT",
        "--stretch",
    ):
        assert piece in out
    assert "what" not in out.split("usage")[1].split("\n")[0]


@pytest.mark.slow  # draws pictures
def test_data_page_and_configuration(adseis, tmp_path):
    """Families by commas and by repetition; a second time nothing is made; the configuration that is left makes the same."""
    code, out, err = adseis("openfwi", "--family", "flat-vel-a,style-a", "--family", "CurveFault_B", *SMALL)
    assert code == 0, err
    assert "9 samples of flat-vel-a, curve-fault-b, style-a: 0.0128 GB in made" in out
    assert "9/9" in err
    assert openfwi.Dataset("made").counts() == {"flat-vel-a": 3, "style-a": 3, "curve-fault-b": 3}
    page = (tmp_path / "made/statistics.md").read_text()
    assert "| flat-vel-a | 3 | " in page
    assert "| -26.95 | 52.77 |" in page
    for name in ("maps", "gathers", "speeds", "amplitudes"):
        assert f"({name}.png)" in page
        assert (tmp_path / f"made/{name}.png").stat().st_size > 10_000
    files = read_manifest("made")["files"]
    times = {file: (tmp_path / "made" / file).stat().st_mtime_ns for file in files}
    assert adseis("openfwi", "--family", "style-a", "flat-vel-a", "curve-fault-b", *SMALL)[0] == 0
    assert times == {file: (tmp_path / "made" / file).stat().st_mtime_ns for file in files}
    assert adseis("--config", "made/config.toml", "--output", "again")[0] == 0
    assert read_manifest("again")["files"] == files


def test_windows_of_a_model_file(adseis, tmp_path, monkeypatch):
    """As they are, or stretched, as the manifest tells."""
    monkeypatch.setattr("adseis.cli.synthesize.write_statistics", lambda generator, folder: folder)
    write_model(tmp_path / "vp.h5", np.linspace(1500, 5500, 20)[:, None] + np.zeros((20, 30)), spacing=20.0)
    for words, told in (((), "as they are"), (("--stretch",), "stretched to 1500-4500 m/s")):
        assert adseis("openfwi", "--model", "vp.h5", *words, "--samples", 2, "--output", f"made{len(words)}")[0] == 0
        assert read_manifest(f"made{len(words)}")["settings"]["crops"]["speeds"] == told
    maps = np.load("made1/Crops/model/model1.npy")
    assert 1500 <= maps.min() < maps.max() <= 4500


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("openfwi", "--family", "curve-falt-b"), "no family 'curve-falt-b'; the nearest are curve-fault-b"),
        (("openfwi",), "no --family is named, and no --model to cut windows from. Families are flat-vel-a, "),
        (("openfwi", "--family", "style-a", "--samples", 0), "--samples 0 must be at least 1"),
        (("openfwi", "--family", "style-a", "--stretch"), "--stretch is of no use without a --model"),
        (("openfwi", "--model", "absent.h5"), "absent.h5"),
        (("openfwi", "--tier", "acoustic"), "--tier acoustic is of no use to openfwi: it is an option of globaltomo"),
        (("marsquakes",), "marsquakes"),
        (("openfwi", "--family", "style-a", "--output", "file/below"), "cannot write to"),
        (("openfwi", "--family", "style-a", "--output", "theirs"), "--output theirs has Style_A already, and no manifest.json"),
    ],
)
def test_complaints(adseis, tmp_path, words, message):
    """One line, exit code 2, nothing written."""
    (tmp_path / "file").write_text("")
    (tmp_path / "theirs/Style_A").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    code, _, err = adseis(*words)
    assert code == 2
    assert err.startswith("adseis: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_without_submitit(adseis, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    code, _, err = adseis("openfwi", "--family", "style-a", "--cluster", "local", *SMALL)
    assert code == 2
    assert err == "adseis: error: Jobs are sent by submitit. Install it: pip install 'adseis[farm]'; or leave out --cluster.\n"


TINY = OpenFwi(("flat-vel-a",), samples=3, samples_per_file=2, simulate=cheap)


@pytest.mark.parametrize("cluster", ["debug", pytest.param("local", marks=[pytest.mark.slow, pytest.mark.optimised])])
def test_jobs(tmp_path, cluster):
    """Leave what one process leaves; the second time there is nothing to do."""
    pytest.importorskip("submitit", reason="jobs are sent by submitit, of the extra farm")
    generator = OpenFwi(("flat-vel-a",), samples=3, samples_per_file=2) if cluster == "local" else TINY
    for _ in range(2):
        synthesize_by_jobs(generator, tmp_path / "jobs", ClusterOptions(jobs=1), cluster=cluster, progress=False)
    manifest = read_manifest(tmp_path / "jobs")
    assert manifest["done"] == 3
    if cluster == "debug":
        synthesize(TINY, tmp_path / "here", progress=False)
        assert read_manifest(tmp_path / "here") == manifest


class Farm:
    """What is used of submitit, its jobs run at the second look, in this process."""

    asked: ClassVar[dict] = {}

    def __init__(self, folder, cluster):
        self.jobs = []

    def update_parameters(self, **parameters):
        self.asked.update(parameters)

    batch = contextlib.nullcontext

    def submit(self, function, *arguments):
        self.jobs.append(Job(function, arguments))
        return self.jobs[-1]


class Job:
    def __init__(self, function, arguments):
        self.call, self.looks, self.error = (function, arguments), 0, None

    def done(self):
        self.looks += 1
        if self.looks == 2:
            try:
                self.call[0](*self.call[1])
            except ValueError as error:
                self.error = error
        return self.looks > 1

    def exception(self):
        return self.error

    def cancel(self):
        self.looks = 2


def test_jobs_that_fail(tmp_path, monkeypatch):
    """Are told with their reason; the others' work is kept, the same command does the rest. SLURM hears what was asked for."""
    monkeypatch.setattr(farm, "_submitit", lambda: SimpleNamespace(AutoExecutor=Farm))
    monkeypatch.setattr(farm, "POLL", 0.0)
    lucky = farm.make_in_job
    unlucky = lambda generator, folder, name: lucky(generator, folder, name if name.endswith("1") else "absent")  # noqa: E731
    monkeypatch.setattr(farm, "make_in_job", unlucky)
    monkeypatch.setattr(farm, "use_cores", lambda: 1)
    options = ClusterOptions(jobs=1, partition="short", gpus=2)
    with pytest.raises(
        RuntimeError, match=r"1 of 2 jobs failed, the first of them flat-vel-a-0 \(no task 'absent'.*\). Logs are in"
    ):
        synthesize_by_jobs(TINY, tmp_path, options, cluster="local", progress=False)
    assert read_manifest(tmp_path)["done"] == 1
    monkeypatch.setattr(farm, "make_in_job", lucky)
    synthesize_by_jobs(TINY, tmp_path, options, cluster="slurm", progress=False)
    assert read_manifest(tmp_path)["done"] == 3
    assert Farm.asked["slurm_partition"] == "short"
    assert (Farm.asked["gpus_per_node"], Farm.asked["slurm_array_parallelism"], "cpus_per_task" in Farm.asked) == (2, 1, False)


@pytest.mark.slow
@pytest.mark.optimised
def test_killed_command(tmp_path):
    """The command itself, its operator and all cores, killed twice on the way: the bytes of a run that was left alone."""
    command = [sys.executable, "-m", "adseis.cli.main", "synthesize", "openfwi", "--family", "curve-fault-b", "style-a"]
    command += ["--samples", "6", "--samples-per-file", "2", "--output"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    for done in (1, 3):
        process = subprocess.Popen([*command, str(tmp_path / "killed")], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while len(list((tmp_path / "killed/tasks").glob("*.json"))) < done:
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(1.0)  # into the next file
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([*command, str(tmp_path / "killed")], check=True, capture_output=True)
    whole, killed = (
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.suffix in (".npy", ".json")}
        for folder in (tmp_path / "whole", tmp_path / "killed")
    )
    assert len(whole) == 1 + 6 + 12
    assert killed == whole
