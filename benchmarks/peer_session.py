"""A process that runs one engine, as `peers.py` talks to it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import Any, NamedTuple

from engines.problem import UnavailableError
from install_peers import python_of


class Entry(NamedTuple):
    """An engine of the benchmark.

    Attributes:
        engine: Module and function in `engines/`.
        peer: Whose virtual environment it needs; empty for the Python that runs the benchmark.
        cases: Cases that are asked of it.
        environment: Variables of its process.
    """

    engine: str
    peer: str
    cases: str
    environment: dict[str, str]


ENGINES = {
    "adseis": Entry("adseis_engine:prepare", "", "ABCDEF", {}),
    "adseis, history kept": Entry("adseis_engine:prepare_kept", "", "ABCDEF", {}),
    "adseis, a device per core": Entry("adseis_engine:prepare_cores", "", "ABCDEF", {}),
    "Deepwave": Entry("deepwave_engine:prepare", "deepwave", "ABCDEF", {}),
    "Devito": Entry("devito_engine:prepare", "devito", "ABCDE", {"DEVITO_LANGUAGE": "openmp", "DEVITO_LOGGING": "ERROR"}),
    "SWEEP (JAX)": Entry("sweep_engine:prepare", "sweep", "AE", {}),
    "j-Wave": Entry("jwave_engine:prepare", "jwave", "AE", {}),
}


class Session:
    """A living process of an engine; leave it as a context manager.

    Args:
        entry: The engine.
        peers: Folder of the virtual environments.
        scratch: Folder for its messages and for what it compiles.
        patience: Seconds that an answer may take.
    """

    def __init__(self, entry: Entry, peers: Path, scratch: Path, patience: float) -> None:
        python = python_of(peers, entry.peer) if entry.peer else Path(sys.executable)
        if not python.exists():
            raise UnavailableError("not installed: see benchmarks/install_peers.py")
        scratch.mkdir(parents=True)
        worker = Path(__file__).with_name("peer_worker.py")
        environment = os.environ | {"JAX_PLATFORMS": "cpu", "TMPDIR": str(scratch)} | entry.environment
        if entry.peer:
            environment.pop("PYTHONPATH", None)  # its packages are its own
        self.patience = patience
        self.messages = scratch / "stderr"
        with self.messages.open("w") as stderr:
            self.process = subprocess.Popen(
                [python, str(worker), entry.engine], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                text=True, env=environment,
            )  # fmt: skip

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request and its answer.

        Raises:
            UnavailableError: If the engine cannot do it, has died, or takes too long.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        guard = Timer(self.patience, self.process.kill)
        guard.start()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            late = not guard.is_alive()
            guard.cancel()
        if not line:
            said = self.messages.read_text(errors="replace").strip().splitlines()[-1:]
            why = f"took more than {self.patience:g} s" if late else f"died, code {self.process.wait()}: {' '.join(said)}"
            raise UnavailableError(why)
        answer = json.loads(line)
        if "failed" in answer:
            raise UnavailableError(answer["failed"])
        return answer

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
