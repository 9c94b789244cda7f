"""Named tuples of arrays as one pointer: compiled code would else hand on hundreds of numbers at every call.

Passing tuples, the sampler takes three times as long to compile. Numba's own structs count references to
every array at every use; here nothing is counted, since Python keeps the arrays.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numba import typeof, types
from numba.core.cgutils import intp_t
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import make_array, populate_array


class StructType(types.Type):  # type: ignore[misc]
    """A struct as Numba's type system sees it: where each field begins, in words of 8 bytes, and its type."""

    def __init__(self, name: str, fields: dict[str, types.Type]) -> None:
        self.places: dict[str, tuple[int, types.Type]] = {}
        first = 0
        for field, kind in fields.items():
            self.places[field] = first, kind
            first += 1 + getattr(kind, "ndim", 0)
        # Names of compiled functions contain those of their types: short ones compile faster.
        super().__init__(name=f"{name}{zlib.crc32(str(self.places).encode()):x}")


class Struct:
    """The fields of a named tuple for compiled code, which shares the arrays.

    Parameters
    ----------
    fields : NamedTuple
        Contiguous arrays, and numbers.
    """

    def __init__(self, fields: Any) -> None:
        # The block holds addresses: what lies there has to stay.
        self._fields = fields
        kinds, words = {}, []
        for name, part in fields._asdict().items():
            if not isinstance(part, np.ndarray):
                part = np.float64(part)
                words.append(int(part.view(np.int64)))
            elif part.flags.c_contiguous:
                words += [part.ctypes.data, *part.shape]
            else:
                raise ValueError(f"{name} has to be contiguous")
            kinds[name] = typeof(part)
        self._block = np.array(words, dtype=np.int64)
        self.address = self._block.ctypes.data
        self.kind = StructType(type(fields).__name__, kinds)


@typeof_impl.register(Struct)  # type: ignore[untyped-decorator]
def _typeof(struct: Struct, _: Any) -> StructType:
    """Return the type of a struct."""
    return struct.kind


@register_model(StructType)
class _Model(models.OpaqueModel):  # type: ignore[misc]
    """A pointer to the block."""


@unbox(StructType)  # type: ignore[untyped-decorator]
def _unbox(_: StructType, struct: Any, c: Any) -> NativeValue:
    """Emit code that takes the pointer out of a `Struct`."""
    address = c.pyapi.object_getattr_string(struct, "address")
    pointer = c.pyapi.long_as_voidptr(address)
    c.pyapi.decref(address)
    return NativeValue(pointer)


@infer_getattr
class _Fields(AttributeTemplate):  # type: ignore[misc]
    """Types of the fields."""

    key = StructType

    def generic_resolve(self, struct: StructType, name: str) -> types.Type | None:
        """Return the type of a field."""
        return struct.places[name][1] if name in struct.places else None


@lower_getattr_generic(StructType)  # type: ignore[untyped-decorator]
def _field(context: Any, builder: Any, struct: StructType, pointer: Any, name: str) -> Any:
    """Emit code that reads a field from the block: a number, or address and shape of an array."""
    first, kind = struct.places[name]

    def word(place: int, of: Any) -> Any:
        block = builder.bitcast(pointer, of.as_pointer())
        return builder.load(builder.gep(block, [intp_t(place)]))

    if not isinstance(kind, types.Array):
        return word(first, context.get_value_type(kind))
    array = make_array(kind)(context, builder)
    size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    shape = [word(first + 1 + axis, intp_t) for axis in range(kind.ndim)]
    strides = [intp_t(size)]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    data = builder.inttoptr(word(first, intp_t), context.get_data_type(kind.dtype).as_pointer())
    populate_array(array, data, shape, strides, intp_t(size), meminfo=None)
    return array._getvalue()
