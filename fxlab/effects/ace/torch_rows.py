"""Compiled work on the rows of a batch, spread over as many threads as torch may use."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor


def numpy_of(tensor: Tensor) -> np.ndarray:
    """The tensor's memory, or a contiguous copy."""
    return tensor.detach().contiguous().numpy()


def over_rows(kernel: Callable, *arrays: np.ndarray) -> None:
    """Calls a kernel that holds no lock with the first entries of all arrays, with the second ones, and so on."""
    rows = len(arrays[0])
    threads = min(torch.get_num_threads(), rows)

    def run(start: int) -> None:
        for row in range(start, rows, threads):
            kernel(*(array[row] for array in arrays))

    if threads <= 1:
        run(0)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, range(threads)))
