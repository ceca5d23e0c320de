"""Compiled kernels as functions that compiled code and audio drivers can call, without the interpreter.

A kernel takes a block, the room for its output, and whatever else it needs: arrays, numbers, tuples of them. `stage_of` writes
all that down in memory once, in the very form in which compiled code passes it, and finds the machine code that reads it there.
Such a stage is two addresses. `call_stage` plays it from other compiled code, and neither allocates nor needs a lock.

Each kernel's module says once how it is called, since only what a module defines is kept in Numba's cache:

    @njit(cache=True, nogil=True)
    def play(at, frames, signature):
        kernel(*blocks_at(at, frames), *arguments_at(at, signature))
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, njit, typeof, types
from numba.core import cgutils
from numba.core.callconv import RETCODE_OK
from numba.extending import intrinsic

from fxlab.kernels.addresses import pointer, table_at

_HEAD = 4
"""int64 entries in front of a kernel's arguments: channels, addresses of the dry and the wet block, unused."""


@dataclass(frozen=True)
class Stage:
    """A processor that compiled code can play.

    Args:
        function: Address of its machine code, for `call_stage`.
        at: Address of what it works on.
        dry, wet: float32 (channels * max_block,); a block of n frames is packed at their start, channel after channel.
        keep: What must live as long as it.
    """

    function: int
    at: int
    dry: np.ndarray
    wet: np.ndarray
    keep: tuple[Any, ...]


def stage_of(play: Callable, arguments: tuple, channels: int, max_block: int, owner: object = None) -> Stage:
    """A stage for blocks of 1..max_block frames.

    Args:
        play: As described above, compiled lazily.
        arguments: The kernel's arguments after the two blocks: C-contiguous arrays, numbers, truth values, NumPy scalars, and
            tuples of such. Arrays are used where they are, everything else is copied now.
        owner: What addresses among the arguments belong to; it lives as long as the stage.
    """
    kind = typeof(tuple(arguments))
    layout = _layout(kind)
    memory = np.zeros(_HEAD + -(-ctypes.sizeof(layout) // 8), np.int64)
    dry, wet = (np.zeros(channels * max_block, np.float32) for _ in range(2))
    memory[:3] = channels, dry.ctypes.data, wet.ctypes.data
    _write(layout.from_address(memory.ctypes.data + 8 * _HEAD), tuple(arguments))
    function = address_of(play, types.intp, types.intp, types.TypeRef(kind))
    return Stage(function, memory.ctypes.data, dry, wet, (memory, arguments, owner))


def address_of(function: Callable, *signature: types.Type) -> int:
    """Address of a compiled function's machine code, in Numba's own calling convention (see `call_stage`)."""
    function.compile(signature)
    made = function.overloads[signature]
    return made.library.get_pointer_to_function(made.fndesc.llvm_func_name)


@njit
def blocks_at(at, frames):
    """The dry and the wet block of a stage, (channels, frames)."""
    head = table_at(at, _HEAD)
    shape = (head[0], frames)
    return carray(pointer(head[1]), shape, np.float32), carray(pointer(head[2]), shape, np.float32)


@njit
def arguments_at(at, signature):
    """The kernel's arguments of a stage, as a tuple."""
    return _load(at + 8 * _HEAD, signature)


@intrinsic
def _load(typing, address, signature):
    kind = signature.instance_type

    def generate(context, builder, _, args):
        model = context.data_model_manager[kind]
        return model.load_from_data_pointer(builder, builder.inttoptr(args[0], model.get_data_type().as_pointer()))

    return kind(types.intp, signature), generate


@intrinsic
def call_stage(typing, function, at, frames):
    """Plays a block of a stage; true if it went well."""

    def generate(context, builder, _, args):
        return _call(builder, *args, cgutils.voidptr_t(None))  # of a type there is only an empty pointer

    return types.boolean(types.intp, types.intp, types.intp), generate


@intrinsic
def call_kernel(typing, function, at, frames):
    """Calls a compiled function of two int64 that returns nothing, by its address (`address_of`); true if it went well.

    A call by name would compile all of the function once more into the caller.
    """

    def generate(context, builder, _, args):
        return _call(builder, *args)

    return types.boolean(types.intp, types.intp, types.intp), generate


def _call(builder: ir.IRBuilder, function: ir.Value, *args: ir.Value) -> ir.Value:
    """Numba's functions take addresses for what they return and for an error, then their arguments; they return a status."""
    nothing = cgutils.voidptr_t
    kind = ir.FunctionType(ir.IntType(32), [nothing.as_pointer(), nothing.as_pointer(), *(arg.type for arg in args)])
    rooms = [cgutils.alloca_once(builder, nothing) for _ in range(2)]
    status = builder.call(builder.inttoptr(function, kind.as_pointer()), [*rooms, *args])
    return builder.icmp_signed("==", status, RETCODE_OK)


@njit(types.boolean(types.intp, types.intp), cache=True)
def warm_up(function, at):
    """Plays one frame of a stage, whatever is in its room: the first call of machine code takes far longer than others."""
    return call_stage(function, at, 1)


@cache
def _layout(kind: types.Type) -> type:
    """How compiled code keeps a value of a Numba type in memory, as a ctypes type.

    Each is made once: classes refer to themselves, so those of every turned knob would stay while Python collects no garbage.
    """
    if isinstance(kind, types.BaseTuple):
        parts = [_layout(part) for part in kind.types]
        if isinstance(kind, types.UniTuple):
            return parts[0] * len(parts)
        return _structure(*parts)
    if isinstance(kind, types.Array):
        if kind.layout != "C":
            raise TypeError("arrays must be C-contiguous")
        sizes = ctypes.c_int64 * kind.ndim
        return _structure(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, sizes, sizes)
    if kind == types.boolean:
        return ctypes.c_uint8
    if isinstance(kind, (types.Integer, types.Float)):
        return np.ctypeslib.as_ctypes_type(np.dtype(str(kind)))
    raise TypeError(f"{kind} can't be written down")


def _structure(*parts: type) -> type:
    return type("Layout", (ctypes.Structure,), {"_fields_": [(f"f{i}", part) for i, part in enumerate(parts)]})


def _write(place: Any, value: Any) -> None:
    """Writes a tuple's or an array's parts into a structure of their layout."""
    if isinstance(value, np.ndarray):
        # No owner and no parent: compiled code then counts no references.
        parts: tuple = (None, None, value.size, value.itemsize, value.ctypes.data, value.shape, value.strides)
    else:
        parts = value
    named = isinstance(place, ctypes.Structure)
    for i, part in enumerate(parts):
        inner = getattr(place, f"f{i}") if named else place[i]
        if isinstance(inner, (ctypes.Structure, ctypes.Array)):
            _write(inner, part)
        elif named:
            setattr(place, f"f{i}", part.item() if isinstance(part, np.generic) else part)
        else:
            place[i] = part.item() if isinstance(part, np.generic) else part
