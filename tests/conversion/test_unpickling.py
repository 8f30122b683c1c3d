"""Pickled PCAs are read exactly; nothing else in a pickle is, and nothing runs."""

import copyreg
import functools
import io
import os
import pickle
import re
import subprocess
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD

from modeling_rali.conversion.unpickling import FittedPca, _IncrementalPca, read_pca

from .synthetic_release import fitted_pca


def pickled(value: Any, protocol: int) -> bytes:
    return pickle.dumps(value, protocol)


def joblibbed(value: Any, protocol: int, compress: int | tuple[str, int] = 0) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream, compress=compress, protocol=protocol)
    return stream.getvalue()


WRITERS: dict[str, Callable[[Any, int], bytes]] = {
    "pickle": pickled,
    "joblib": joblibbed,
    "joblib_zlib": functools.partial(joblibbed, compress=3),
    "joblib_gzip": functools.partial(joblibbed, compress=("gzip", 3)),
}


def read_bytes(content: bytes, folder: Path) -> FittedPca:
    path = folder / "pca.pkl"
    path.write_bytes(content)
    return read_pca(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("kind", [PCA, IncrementalPCA])
def test_every_spelling_of_a_pca_is_read_exactly(
    tmp_path: Path, kind: type[PCA] | type[IncrementalPCA], write: Callable[[Any, int], bytes], protocol: int
) -> None:
    estimator = fitted_pca(kind)
    if kind is PCA:
        estimator.random_state = np.random.RandomState(0)
    estimator.components_ = np.asfortranarray(estimator.components_)
    estimator.mean_ = estimator.mean_.astype(np.float32)
    pca = read_bytes(write(estimator, protocol), tmp_path)
    assert pca.kind == kind.__name__
    np.testing.assert_array_equal(pca.mean, estimator.mean_, strict=True)
    np.testing.assert_array_equal(pca.components, estimator.components_, strict=True)
    if kind is PCA:
        assert pca.var is None
    else:
        np.testing.assert_array_equal(pca.var, estimator.var_, strict=True)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_big_endian_arrays_keep_their_values(tmp_path: Path, protocol: int) -> None:
    estimator = fitted_pca(IncrementalPCA)
    expected, estimator.mean_ = estimator.mean_, estimator.mean_.astype(">f8")
    np.testing.assert_array_equal(read_bytes(pickled(estimator, protocol), tmp_path).mean, expected)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_numpy_1_spelling_is_read(tmp_path: Path, protocol: int) -> None:
    estimator = fitted_pca(IncrementalPCA)
    content = pickled(estimator, protocol)
    if protocol == 4:  # without the frame, which has the length, and with the length of the name
        content = (content[:2] + content[11:]).replace(b"\x16numpy._core.multiarray", b"\x15numpy._core.multiarray")
    content = content.replace(b"numpy._core", b"numpy.core")
    pickle.loads(content)
    np.testing.assert_array_equal(read_bytes(content, tmp_path).components, estimator.components_, strict=True)


def test_arrays_of_joblib_before_1_2_have_no_padding(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def tell(self) -> int:  # joblib writes no padding where it cannot tell the position
            raise io.UnsupportedOperation

    estimator, stream = fitted_pca(IncrementalPCA), Pipe()
    joblib.dump(estimator, stream)
    np.testing.assert_array_equal(read_bytes(stream.getvalue(), tmp_path).mean, estimator.mean_, strict=True)


def test_estimator_that_was_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"pca\.pkl: the PCA has no array mean_: save it after fitting"):
        read_bytes(pickle.dumps(PCA(4)), tmp_path)


@pytest.mark.parametrize("value", [[], "PCA", {"mean_": 1.0}, np.ones(3), None])
def test_anything_but_a_pca_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(ValueError, match=r"pca\.pkl: holds .*, not a scikit-learn PCA"):
        read_bytes(pickle.dumps(value), tmp_path)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (TruncatedSVD(), "sklearn.decomposition._truncated_svd.TruncatedSVD"),
        (OrderedDict(), "collections.OrderedDict"),
        (complex(1, 2), "builtins.complex"),
    ],
)
def test_name_outside_the_list_is_refused(tmp_path: Path, value: Any, name: str) -> None:
    estimator = fitted_pca(PCA)
    estimator.random_state = value
    with pytest.raises(ValueError, match=rf"pca\.pkl: refused: it refers to {re.escape(name)}, which is no part"):
        read_bytes(pickle.dumps(estimator), tmp_path)


class Call:
    """An object whose pickle calls a function when it is loaded."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """A file that the baits below make if they run."""
    path = tmp_path / "ran"
    yield path
    assert not path.exists()


BAITS: dict[str, tuple[Callable[[Path], Call], str]] = {
    "os.system": (lambda path: Call(os.system, f"touch {path}"), r"posix\.system|nt\.system"),
    "eval": (lambda path: Call(eval, f"open({str(path)!r}, 'w')"), r"builtins\.eval"),
    "exec": (lambda path: Call(exec, f"open({str(path)!r}, 'w')"), r"builtins\.exec"),
    "open": (lambda path: Call(open, str(path), "w"), r"_?io\.open"),
    "subprocess": (lambda path: Call(subprocess.Popen, ["touch", str(path)]), r"subprocess\.Popen"),
    "partial": (lambda path: Call(functools.partial(Path.touch, path)), r"functools\.partial|pathlib"),
    "numpy": (lambda path: Call(np.savetxt, str(path), [1]), r"numpy\.savetxt"),
    "joblib": (lambda path: Call(joblib.dump, 1, str(path)), r"joblib\.numpy_pickle\.dump"),
    "getattr": (lambda path: Call(getattr, path, "touch"), r"builtins\.getattr|pathlib"),
}


@pytest.mark.parametrize("write", [pickled, joblibbed])
@pytest.mark.parametrize("bait", BAITS.values(), ids=BAITS)
@pytest.mark.parametrize("place", ["alone", "in_the_state", "in_an_array"])
def test_calls_are_refused_by_name_and_do_not_run(
    tmp_path: Path,
    marker: Path,
    place: str,
    bait: tuple[Callable[[Path], Call], str],
    write: Callable[[Any, int], bytes],
) -> None:
    make, name = bait
    value: Any = make(marker)
    if place != "alone":
        estimator = fitted_pca(IncrementalPCA)
        estimator.random_state = np.array([value], dtype=object) if place == "in_an_array" else value
        value = estimator
    reason = r"an array of type 'O8?'" if place == "in_an_array" else f"it refers to .*({name})"
    with pytest.raises(ValueError, match=rf"pca\.pkl: refused: {reason}"):
        read_bytes(write(value, 4), tmp_path)


def test_baits_would_run_elsewhere(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(BAITS["os.system"][0](tmp_path / "ran")))
    assert (tmp_path / "ran").exists()


SKLEARN_PCA = b"csklearn.decomposition._incremental_pca\nIncrementalPCA\n"
HAND_WRITTEN = {
    "attribute of a name": (b"\x80\x04\x8c\x05numpy\x8c\x13ndarray.__setattr__\x93.", r"numpy\.ndarray\.__setattr__"),
    "state of a class": (SKLEARN_PCA + b"(N}(U\x04kindU\x04ruinutb.", "it sets the state of"),
    "state of a function": (b"c_codecs\nencode\n(N}(U\x08__name__U\x04ruinutb.", "it sets the state of"),
    "state of a dict": (b"}}U\x01aU\x01bsb.", "it sets the state of"),
    "codec": (b"c_codecs\nencode\n(U\x05helloU\x05rot13tR.", r"_codecs\.encode to 'rot13'"),
    "reconstructor": (b"ccopy_reg\n_reconstructor\n(cnumpy\ndtype\nc__builtin__\nobject\nNtR.", "_reconstructor of"),
    "persistent id": (b"Psomething\n.", "persistent"),
    "object type": (b"cnumpy\ndtype\n(U\x02O8tR.", "an array of type 'O8'"),
    "record type": (b"cnumpy\ndtype\n(](U\x01aU\x02O8tatR.", "an array of type"),
    "byte order": (b"cnumpy\ndtype\n(U\x02f8tR(K\x03U\x02|Otb.", r"byte order '\|O'"),
    "call of a result": (SKLEARN_PCA + b")R)R.", "not callable"),
    "huge byte array": (b"\x80\x05\x96" + (2**62).to_bytes(8, "little") + b"abc.", "EOFError"),
    "huge frame": (b"\x80\x04\x95" + (2**62).to_bytes(8, "little") + b"abc.", "IndexError"),
}


@pytest.mark.parametrize(("content", "reason"), HAND_WRITTEN.values(), ids=HAND_WRITTEN)
def test_hand_written_tricks_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"pca\.pkl: .*{reason}"):
        read_bytes(content, tmp_path)
    assert _IncrementalPca.kind == "IncrementalPCA"


def test_extension_registry_is_refused_even_where_it_is_filled(tmp_path: Path, marker: Path) -> None:
    copyreg.add_extension("os", "system", 200)
    try:
        bait = b"\x80\x02\x82\xc8(U" + bytes([len(f"touch {marker}")]) + f"touch {marker}".encode() + b"tR."
        pickle.loads(bait.replace(b"touch", b": not"))  # now it is in Python's cache, behind find_class
        with pytest.raises(ValueError, match=r"pca\.pkl: refused: it refers to extension 200"):
            read_bytes(bait, tmp_path)
    finally:
        copyreg.remove_extension("os", "system", 200)
        copyreg.clear_extension_cache()


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_pickle_is_read_or_refused_and_never_more(
    tmp_path: Path, write: Callable[[Any, int], bytes], data: st.DataObject
) -> None:
    content = bytearray(write(fitted_pca(IncrementalPCA), data.draw(st.integers(0, 5))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    try:
        pca = read_bytes(bytes(content), tmp_path)
    except ValueError as error:
        assert "pca.pkl: " in str(error)
    else:
        assert {type(pca.mean), type(pca.components)} == {np.ndarray}
        assert pca.mean.dtype.kind in "biuf"
