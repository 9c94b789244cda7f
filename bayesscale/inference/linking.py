"""Call compiled functions by their address, so that what is cached on disk is not compiled again.

PyTensor keeps the compiled log density and its gradient on disk, but nutpie wraps them in a function of its
own in every process, and numba then links and optimises all the code anew: 16 of the 26 seconds until the
first draw of the bundled example. Called by its address, the cached code stays as it is and does the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def linked_by_address() -> Iterator[None]:
    """Let nutpie call the functions that it compiles in this context by their addresses.

    Replaces a private function of nutpie; without it nutpie works as ever, only slower.
    """
    from nutpie import compile_pymc

    original = getattr(compile_pymc, "make_extraction_fn", None)
    if original is None:
        yield
        return
    compile_pymc.make_extraction_fn = _by_address(original)
    try:
        yield
    finally:
        compile_pymc.make_extraction_fn = original


def _by_address(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return nutpie's function that hands shared data to `inner`, with `inner` behind its address."""

    def make(inner: Any, shared_data: Any, keys: Any, dtype: Any) -> Any:
        return original(behind_address(inner, [shared_data[key] for key in keys]), shared_data, keys, dtype)

    return make


def behind_address(function: Any, data: list[Any]) -> Any:
    """Return a numba function that calls another one by its address.

    Parameters
    ----------
    function : numba dispatcher
        Takes a vector of floats and then the data.
    data : list of array
        Arrays like those it will be called with.
    """
    import numba
    from numba import types

    arguments = (types.Array(types.float64, 1, "C"), *(numba.typeof(array) for array in data))
    # The result has the arguments as they were compiled: packed in one tuple if the function takes *args.
    packed = function.get_call_template(arguments, {})[2]
    compiled = function.overloads[tuple(packed)]
    if len(packed) != 1:
        return function

    class Pointer(types.CompileResultWAP):  # type: ignore[misc]
        """Compiled code that numba calls by its address; its one argument is a plain tuple."""

        def signature(self) -> Any:
            return compiled.signature.return_type(types.Tuple(arguments))

    pointer = Pointer(compiled)

    @numba.njit
    def call(point, *shared):  # type: ignore[no-untyped-def]
        return pointer((point, *shared))

    return call
