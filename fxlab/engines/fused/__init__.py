"""Networks run by compiled loops: one call per block, no allocation, no lock, the interpreter's lock released.

The kernels take a network's sizes as data, so they are compiled once for all networks and kept in Numba's cache on disk.
"""

from __future__ import annotations

from fxlab.engines.network import NetworkProcessor
from fxlab.models.model import Model


def fused_processor(model: Model) -> NetworkProcessor:
    """A network's fused processor, not yet prepared; `prepare` compiles on a machine's first use."""
    if model.config.kind == "tcn":
        from fxlab.engines.fused.tcn import FusedTCN

        return FusedTCN(model)
    if model.config.kind == "ace":
        from fxlab.engines.fused.ace import FusedAce

        return FusedAce(model)
    from fxlab.engines.fused.stack import FusedStack

    return FusedStack(model)
