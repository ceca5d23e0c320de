"""The engines: each plays what it must."""

from __future__ import annotations

import os
import time
from importlib import metadata
from pathlib import Path

import numpy as np

import fxlab
from fxlab.services.doctor.finding import Finding
from fxlab.wording import counted, duration, size

_TOPIC = "engines"
_MODEL = "tcn-nano"
_COLD_S = 2.0
_TOLERANCE = 1e-5
_CUDA = "pip install --force-reinstall torch, for NVIDIA's GPUs on Linux; elsewhere see https://pytorch.org/get-started"


def kernels() -> list[Finding]:
    """Whether Numba compiles for this processor, and what it makes plays as NumPy does."""
    import llvmlite.binding

    from fxlab.effects.processor import apply
    from fxlab.effects.registry import effect
    from fxlab.engines.golden import golden_input

    begun, dry = time.perf_counter(), golden_input()
    compiled, plain = (apply(effect("saturator").processor(engine), dry, 48_000) for engine in ("numba", "numpy"))
    took_s, error = time.perf_counter() - begun, float(np.max(np.abs(compiled - plain)))
    what = f"{metadata.version('numba')} with LLVM {_llvm()}, for {llvmlite.binding.get_host_cpu_name()}"
    if not error <= _TOLERANCE:
        advice = "Delete Numba's cache and try again; if that doesn't help: pip install --force-reinstall numba"
        return [Finding(_TOPIC, "Numba", "broken", f"{what}: compiled code is off by {error:.2g} from NumPy", advice)]
    cold = f", compiled first in {duration(took_s)}" if took_s > _COLD_S else ""
    return [Finding(_TOPIC, "Numba", "ok", f"{what}; compiled code plays as NumPy does{cold}")]


def cache() -> list[Finding]:
    """Where compiled code is kept."""
    from fxlab.kernels.stages import warm_up

    folder = Path(warm_up.stats.cache_path or "__pycache__")
    root = Path(fxlab.__file__).parent if folder.name == "__pycache__" else folder.parent
    files = [path for path in root.rglob("*.nb[ic]") if path.is_file()]
    found = f"{counted(len(files), 'file')}, {size(sum(path.stat().st_size for path in files))} in {root}"
    if not os.access(folder if folder.exists() else root, os.W_OK):
        advice = "Name a folder that you may write to: export NUMBA_CACHE_DIR=~/.cache/numba"
        return [Finding(_TOPIC, "Numba's cache", "optional", f"{found}, not writable: all is compiled at every start", advice)]
    return [Finding(_TOPIC, "Numba's cache", "ok", found)]


def network(engine: str) -> list[Finding]:
    """Whether an engine plays a shipped model's golden vector."""
    from fxlab.engines.loader import open_processor

    open_processor(_MODEL, engine=engine)
    name, about = {"fused": _fused, "onnx": _onnx, "torch": _torch}[engine]()
    return [Finding(_TOPIC, name, "ok", f"{about}; plays {_MODEL}'s golden vector")]


def cuda() -> list[Finding]:
    """GPUs that torch can train on."""
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        about = ", ".join(f"{one.name} with {size(one.total_memory)}" for one in names)
        return [Finding(_TOPIC, "CUDA", "ok", f"{torch.version.cuda}: {about}")]
    if torch.version.cuda is None:
        return [Finding(_TOPIC, "CUDA", "optional", "this torch is built without it; networks train on the processor", _CUDA)]
    found = f"torch is built for CUDA {torch.version.cuda} and finds no GPU; networks train on the processor"
    return [Finding(_TOPIC, "CUDA", "optional", found)]


def _fused() -> tuple[str, str]:
    return "fused", "one compiled call per block"


def _onnx() -> tuple[str, str]:
    import onnxruntime

    return "ONNX Runtime", onnxruntime.__version__


def _torch() -> tuple[str, str]:
    import torch

    return "torch", f"{torch.__version__}, {counted(torch.get_num_threads(), 'thread')}"


def _llvm() -> str:
    import llvmlite.binding

    return ".".join(map(str, llvmlite.binding.llvm_version_info))
