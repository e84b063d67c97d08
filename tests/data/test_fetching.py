"""Files of the catalogue: addresses are pinned, nothing else than the file is taken. No test leaves this machine."""

import functools
import hashlib
import http.server
import re
import threading
from pathlib import Path

import pytest

from adseis.cli.main import main
from adseis.data.catalogue import CATALOGUE, Item, RemoteFile, command_for
from adseis.data.fetching import fetch

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
FILES = [file for item in CATALOGUE.values() for file in item.files]
CONTENT = b"a model\n"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_of_the_catalogue(file):
    """Its addresses cannot change what they give; the copy that the figures were made with has its size and checksum."""
    assert len({file.name for file in FILES}) == len(FILES)
    assert file.addresses
    for address in file.addresses:
        assert re.fullmatch(r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/.+/" + re.escape(file.name), address)
    assert re.fullmatch("[0-9a-f]{64}", file.sha256)
    if not (DATA / file.name).is_file():
        pytest.skip("no copy of it beside the repository")
    content = (DATA / file.name).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address of a server on this machine that has `model.npy`, and `other.npy` of other content."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "model.npy").write_bytes(CONTENT)
    (folder / "other.npy").write_bytes(b"something else")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def catalogue(*addresses):
    file = RemoteFile("model.npy", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), addresses)
    return {"toy": Item((file,), "a toy", "nothing", "nobody", "none")}


def test_the_first_address_that_gives_the_file(server, tmp_path):
    """One that is gone and one that gives something else are passed over; what is there is not fetched again."""
    toy = catalogue(f"{server}/gone.npy", f"{server}/other.npy", f"{server}/model.npy")
    assert fetch("toy", tmp_path / "new", catalogue=toy) == [tmp_path / "new" / "model.npy"]
    assert (tmp_path / "new" / "model.npy").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model.npy"]
    assert fetch("toy", tmp_path / "new", catalogue=catalogue("http://127.0.0.1:1/none")) == [tmp_path / "new" / "model.npy"]


def test_nothing_else_is_taken_or_replaced(server, tmp_path):
    with pytest.raises(OSError, match=r"no address gave `model.npy`. .*gone.npy: 404 .*other.npy: SHA256 hash"):
        fetch("toy", tmp_path, catalogue=catalogue(f"{server}/gone.npy", f"{server}/other.npy"))
    assert not any(tmp_path.iterdir())
    (tmp_path / "model.npy").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="is another file than the one that is fetched"):
        fetch("toy", tmp_path, catalogue=catalogue(f"{server}/model.npy"))
    assert (tmp_path / "model.npy").read_bytes() == b"mine"
    with pytest.raises(ValueError, match="nothing is called 'marmoussi' in the catalogue; there are marmousi2, bp2004"):
        fetch("marmoussi", tmp_path)


def test_the_command_lists_what_there_is(capsys):
    assert main(["fetch"]) == 0
    listed = capsys.readouterr().out
    for name, item in CATALOGUE.items():
        for piece in (name, item.credit, item.licence, *(file.addresses[0] for file in item.files)):
            assert piece in listed
    assert main(["fetch", "nothing"]) == 2
    assert "nothing is called 'nothing'" in capsys.readouterr().err


def test_a_missed_file_names_its_command():
    assert command_for(Path("models/BP-model-smooth.mat")) == "adseis fetch bp2004 --output models"
    assert command_for(Path("mine.mat")) == ""
