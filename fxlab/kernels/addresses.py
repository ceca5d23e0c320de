"""How compiled kernels are called without an allocation: by the address of a table that says where everything is.

Numba allocates a record for every array that Python passes to a compiled function. So none is passed: what a kernel works on is
written down once, in a table of addresses and sizes, from which the kernel makes its arrays (`array_at`).
"""

from __future__ import annotations

import numpy as np
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def pointer(typing, address):
    """An address as a pointer to nothing in particular."""

    def generate(context, builder, signature, args):
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.intp), generate


@intrinsic
def exchange(typing, address, value):
    """Puts an int64 at an address and returns what was there, as one step for all threads."""

    def generate(context, builder, signature, args):
        place = builder.inttoptr(args[0], args[1].type.as_pointer())
        return builder.atomic_rmw("xchg", place, args[1], "seq_cst")

    return types.int64(types.intp, types.int64), generate


@njit
def array_at(table, entry, dtype):
    """The one-dimensional C-contiguous array that `table` has at `entry`: its address and, behind that, its length."""
    return carray(pointer(table[entry]), (table[entry + 1],), dtype)


@njit
def table_at(address, entries):
    """The table at an address, int64."""
    return carray(pointer(address), (entries,), np.int64)


def table_of(number: int, *arrays: np.ndarray) -> np.ndarray:
    """A table of a number and of arrays, which must outlive it."""
    return np.array([number, *(entry for array in arrays for entry in (array.ctypes.data, array.size))], np.int64)
