"""Kaggle's test files, and the table that is handed in: there and back, and as its first lines must read."""

import numpy as np
import pytest

from adseis.data import openfwi

OIDS = ("000039dca2", "00fe00a1b2", "ffffe45de4")


@pytest.fixture(scope="module")
def competition(tmp_path_factory):
    """Three files of random gathers."""
    folder = tmp_path_factory.mktemp("waveform-inversion")
    (folder / "test").mkdir()
    rng = np.random.default_rng(0)
    for oid in OIDS:
        np.save(folder / "test" / f"{oid}.npy", rng.standard_normal((5, 1000, 70), dtype="float32"))
    return folder


def test_the_test_set(competition):
    """By the folder of the competition, or its own; names and values."""
    data = openfwi.KaggleTest(competition, validate="all")
    assert (data.oids, len(data), data.skipped) == (OIDS, 3, ())
    assert openfwi.KaggleTest(competition / "test").oids == OIDS
    batch = data[[2, 0]]
    assert batch.oid == (OIDS[2], OIDS[0])
    for gathers, oid in zip(batch.gathers, batch.oid, strict=True):
        np.testing.assert_array_equal(gathers, np.load(competition / "test" / f"{oid}.npy"))
    assert [sample.oid for sample in data] == list(OIDS)
    np.testing.assert_array_equal(data[-1].gathers, batch.gathers[0])


def test_damaged_test_files(tmp_path):
    """As of the training files."""
    np.save(tmp_path / "a.npy", np.ones((5, 1000, 70), "float32"))
    np.save(tmp_path / "b.npy", np.ones((2, 5, 1000, 70), "float32"))
    with pytest.raises(ValueError, match=r"b.npy` holds \(2, 5, 1000, 70\), where \(5, 1000, 70\) is wanted"):
        openfwi.KaggleTest(tmp_path)
    with pytest.warns(UserWarning, match="1 of 2"):
        data = openfwi.KaggleTest(tmp_path, on_corrupt="skip")
    assert (data.oids, data.skipped[0].file) == (("a",), "b.npy")
    with pytest.raises(FileNotFoundError, match="holds no files such as test/000039dca2.npy"):
        openfwi.KaggleTest(tmp_path / "empty")


def test_the_table(tmp_path):
    """Columns 1, 3, ..., 69 of each row, to two decimals: half of 0.01 m/s."""
    maps = dict(zip(OIDS, np.random.default_rng(1).uniform(1500, 4500, (3, 70, 70)), strict=True))
    path = tmp_path / "submission.csv"
    assert openfwi.write_submission(path, iter(maps.items())) == 3
    lines = path.read_text().splitlines()
    assert len(lines) == 1 + 3 * 70
    assert lines[0].split(",")[:3] + lines[0].split(",")[-1:] == ["oid_ypos", "x_1", "x_3", "x_69"]
    assert lines[71].startswith(f"{OIDS[1]}_y_0,{maps[OIDS[1]][0, 1]:.2f},{maps[OIDS[1]][0, 3]:.2f},")
    read = openfwi.read_submission(path)
    assert tuple(read) == OIDS
    for oid, values in read.items():
        np.testing.assert_allclose(values, maps[oid][:, 1::2], rtol=0, atol=0.0050001)


def test_a_table_that_fails_is_not_written(tmp_path):
    """Whole or not at all."""
    path = tmp_path / "submission.csv"
    good = np.full((70, 70), 2000.0)
    for pairs, said in [
        ([("a", good), ("b", good * np.nan)], r"the map of b \(70, 70\) must be \(70, 70\), of finite numbers"),
        ([("a", good), ("b", good[None])], r"the map of b \(1, 70, 70\) must"),
        ([("a", good), ("a", good)], "a comes twice"),
    ]:
        with pytest.raises(ValueError, match=said):
            openfwi.write_submission(path, iter(pairs))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[1:], "does not begin with the columns"),
        (lambda lines: lines[:-1], "a has 69 rows, not y_0 to y_69"),
        (lambda lines: [*lines[:3], lines[3].replace(",", ";"), *lines[4:]], "line 4: 'a_y_2;2000.00;.*' is not a row of a map"),
    ],
)
def test_damaged_tables(tmp_path, change, said):
    """By line or by map."""
    path = tmp_path / "submission.csv"
    openfwi.write_submission(path, {"a": np.full((70, 70), 2000.0)})
    path.write_text("\n".join(change(path.read_text().splitlines())))
    with pytest.raises(ValueError, match=said):
        openfwi.read_submission(path)
