"""Reading a pickled scikit-learn PCA without running anything of what the pickle asks for.

A pickle names classes and functions and has them called. Here every name that a fitted PCA refers to leads to an inert
stand-in of this module, and every other name is refused; scikit-learn and joblib are not needed. Of the state only arrays
of numbers are rebuilt, from their bytes. Read are the pickles of `pickle.dump` (protocols 0 to 5) and of `joblib.dump`
(plain, zlib and gzip), with the spellings of numpy 1 and numpy 2.
"""

import io
import math
import pickle
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

_NUMBER_TYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")

DAMAGES = (
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""What reading a damaged pickle or array raises, beside pickle's own UnpicklingError."""


@dataclass(frozen=True)
class FittedPca:
    """What a pickled scikit-learn PCA says: D is the width of the embeddings, P the number of components.

    Args:
        path: the pickle.
        kind: "PCA" or "IncrementalPCA".
        mean: (D,) mean of the embeddings it was fitted on.
        components: (P, D) principal axes.
        var: (D,) variance of each dimension; `None` where the kind does not keep it.
    """

    path: Path
    kind: str
    mean: np.ndarray
    components: np.ndarray
    var: np.ndarray | None


def read_pca(path: Path) -> FittedPca:
    """Read a pickled scikit-learn `PCA` or `IncrementalPCA`.

    Raises:
        ValueError: if the pickle refers to anything but a fitted PCA's parts, is damaged, or lacks an array; the message
            names the file and what is wrong with it.
    """
    content = path.read_bytes()
    try:
        if content.startswith((b"\x1f\x8b", b"\x78")):  # gzip and zlib; no pickle begins with either
            content = zlib.decompress(content, wbits=zlib.MAX_WBITS | 32)
        pca = _PcaUnpickler(io.BytesIO(content)).load()
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path}: {error}.") from error
    except DAMAGES as error:
        raise ValueError(f"{path}: is not a pickle, or damaged ({type(error).__name__}: {error}).") from error
    if not isinstance(pca, _Pca):
        raise ValueError(f"{path}: holds a {type(pca).__name__}, not a scikit-learn PCA or IncrementalPCA.")
    arrays = {name: value.values for name, value in pca.state.items() if isinstance(value, _Array)}
    for name in ("mean_", "components_"):
        if name not in arrays:
            raise ValueError(f"{path}: the {pca.kind} has no array {name}: save it after fitting.")
    return FittedPca(path, pca.kind, arrays["mean_"], arrays["components_"], arrays.get("var_"))


class _Inert:
    """Stand-in that takes any arguments and any state, and does nothing with them."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _Pca(_Inert):
    """Stand-in of a scikit-learn estimator: keeps its state."""

    kind = "PCA"
    state: Mapping[str, Any] = MappingProxyType({})

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("the state of the PCA is not a dict")
        self.state = state


class _IncrementalPca(_Pca):
    kind = "IncrementalPCA"


class _DType(_Inert):
    """Stand-in of `numpy.dtype`: keeps the name of a type of numbers, such as "<f8"."""

    def __init__(self, code: str = "", *_: Any) -> None:
        if not isinstance(code, str) or not _NUMBER_TYPE.fullmatch(code):
            raise pickle.UnpicklingError(f"refused: an array of type {code!r}, only numbers are read")
        self.code = code

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        byte_order = state[1]
        if byte_order not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"refused: byte order {byte_order!r}")
        self.code = byte_order + self.code[-2:]


class _Array(_Inert):
    """Stand-in of `numpy.ndarray`: rebuilt from shape, type and bytes."""

    values: np.ndarray

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, dtype, is_fortran, data = state
        self.values = _rebuild(data, dtype, shape, "F" if is_fortran else "C")


class _JoblibArray(_Inert):
    """Stand-in of joblib's wrapper, which precedes the bytes of an array in the stream."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state

    def read(self, stream: io.BytesIO) -> _Array:
        """Read the array that begins where the stream is."""
        # Since joblib 1.2 a byte says how many more of padding follow it, so that the array is aligned in the file
        if self.state.get("numpy_array_alignment_bytes") is not None:
            stream.read(stream.read(1)[0])
        shape, dtype = self.state["shape"], self.state["dtype"]
        data = stream.read(_size(dtype, shape))
        array = _Array()
        array.values = _rebuild(data, dtype, shape, self.state["order"])
        return array


def _size(dtype: _DType, shape: tuple[int, ...]) -> int:
    """Bytes of an array."""
    if not isinstance(dtype, _DType) or not all(type(side) is int and side >= 0 for side in shape):
        raise pickle.UnpicklingError(f"an array of shape {shape!r} and type {dtype!r} cannot be")
    return math.prod(shape) * np.dtype(dtype.code).itemsize


def _rebuild(data: bytes, dtype: _DType, shape: tuple[int, ...], order: Any) -> np.ndarray:
    """Shape, type and bytes → array of its own memory."""
    if len(data) != _size(dtype, shape):
        raise pickle.UnpicklingError(f"an array of shape {shape} has {len(data)} bytes, not {_size(dtype, shape)}")
    return np.frombuffer(data, dtype.code).reshape(shape, order="F" if order == "F" else "C").copy()


def _from_buffer(data: bytes, dtype: _DType, shape: tuple[int, ...], order: Any, *_: Any) -> _Array:
    """Stand-in of numpy's `_frombuffer`, which protocol 5 calls."""
    array = _Array()
    array.values = _rebuild(data, dtype, shape, order)
    return array


def _reconstructor(cls: Any, *_: Any) -> _Inert:
    """Stand-in of `copyreg._reconstructor`, which protocols 0 and 1 call to make an object."""
    if cls not in (_Pca, _IncrementalPca, _JoblibArray):
        raise pickle.UnpicklingError(f"refused: copyreg._reconstructor of {cls!r}")
    return cls()


def _latin1_bytes(text: str, encoding: str) -> bytes:
    """Stand-in of `_codecs.encode`, with which protocols 0 to 2 write bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"refused: _codecs.encode to {encoding!r}")
    return str(text).encode("latin1")


_ALLOWED: dict[str, Callable[..., Any]] = {
    "sklearn.decomposition._pca.PCA": _Pca,
    "sklearn.decomposition._incremental_pca.IncrementalPCA": _IncrementalPca,
    "numpy.ndarray": _Array,
    "numpy.dtype": _DType,
    "joblib.numpy_pickle.NumpyArrayWrapper": _JoblibArray,
    # What builds a scalar or a random state: nothing here needs their values
    "numpy.random._pickle.__randomstate_ctor": _Inert,
    "numpy.random._pickle.__bit_generator_ctor": _Inert,
    "numpy.random._mt19937.MT19937": _Inert,
    "_codecs.encode": _latin1_bytes,
}
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and numpy 2
    _ALLOWED[f"{_core}.multiarray._reconstruct"] = _Array
    _ALLOWED[f"{_core}.multiarray.scalar"] = _Inert
    _ALLOWED[f"{_core}.numeric._frombuffer"] = _from_buffer
for _copyreg, _builtins in (("copy_reg", "__builtin__"), ("copyreg", "builtins")):  # protocols below 3, and above
    _ALLOWED[f"{_copyreg}._reconstructor"] = _reconstructor
    _ALLOWED[f"{_builtins}.object"] = _Inert


class _PcaUnpickler(pickle._Unpickler):
    """The pickle machine with the stand-ins above as its whole world.

    The one in Python and not the one in C, because joblib's arrays lie in the stream between two instructions and take the
    place of an object on the machine's stack.
    """

    stack: list[Any]
    read: Callable[[int], bytes]

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.stream = stream

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        full_name = f"{module}.{name}"
        if full_name not in _ALLOWED:
            raise pickle.UnpicklingError(f"refused: it refers to {full_name}, which is no part of a fitted PCA")
        return _ALLOWED[full_name]

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError(f"refused: it refers to extension {code} of the copyreg registry")

    def load_build(self) -> None:
        # State is for what was made from the stand-ins, not for the stand-ins themselves
        if not isinstance(self.stack[-2], _Inert):
            raise pickle.UnpicklingError(f"refused: it sets the state of {self.stack[-2]!r}")
        super().load_build()  # type: ignore[misc]
        if isinstance(self.stack[-1], _JoblibArray):
            self.stack[-1] = self.stack[-1].read(self.stream)

    def load_bytearray8(self) -> None:
        # The original makes room for as many bytes as the pickle claims to have
        (size,) = struct.unpack("<Q", self.read(8))
        self.stack.append(bytearray(self.read(size)))

    dispatch = {  # noqa: RUF012
        **pickle._Unpickler.dispatch,
        pickle.BUILD[0]: load_build,  # type: ignore[dict-item]
        pickle.BYTEARRAY8[0]: load_bytearray8,  # type: ignore[dict-item]
    }
