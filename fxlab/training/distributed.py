"""One training by several processes, as torchrun starts them.

Every process has the same weights and sees the same batches, of which it plays its share of the rows. The outputs are gathered
before the loss is taken, so that every process takes the loss of the whole batch, whatever that loss is, sends its gradient
back through its own rows, and the sum of all gradients is the one that a single process would have. The first process alone
writes files and judges the network.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from fxlab.errors import MissingError

T = TypeVar("T")

_TIMEOUT = datetime.timedelta(hours=12)  # a peer that is gone is noticed at once; one may judge the network for long


class Team:
    """The processes of one training; this class is that of one alone.

    Attributes:
        first: Whether this process is the one that speaks and writes.
    """

    first = True

    def share(self, start: int, stop: int) -> slice:
        """The rows out of `start` to `stop` that this process plays, at least one; see `gathered`."""
        return slice(start, stop)

    def gathered(self, rows: Tensor, count: int) -> Tensor:
        """All `count` rows of all processes' shares; gradients flow back to this one's."""
        return rows

    def summed(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replaces the parameters' gradients by the sum over all processes."""

    def any(self, flag: bool) -> bool:
        """Whether some process says so."""
        return flag

    def of_first(self, make: Callable[[], T]) -> T:
        """What `make` returns in the first process; the others don't call it, and wait."""
        return make()

    def begin(self, network: nn.Module) -> None:
        """Gives all processes the first one's weights."""

    @contextlib.contextmanager
    def out_of_memory_together(self) -> Iterator[None]:
        """What runs out of memory in one process does so in all, each raising `torch.OutOfMemoryError`."""
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" not in str(error):
                raise
            raise torch.OutOfMemoryError(str(error)) from error


ALONE = Team()


@contextlib.contextmanager
def _talking() -> Iterator[None]:
    """Around what needs the other processes."""
    try:
        yield
    except RuntimeError as error:
        raise MissingError(
            "Another process of this training has ended.", "What it said tells why; --resume goes on from the last checkpoint."
        ) from error


class _Several(Team):
    """A team of more than one.

    Args:
        rank: Which of the processes this is, from 0.
        size: How many there are.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size, self.first = rank, size, rank == 0

    def _counts(self, count: int) -> list[int]:
        return [count // self.size + (rank < count % self.size) for rank in range(self.size)]

    def share(self, start: int, stop: int) -> slice:
        counts = self._counts(stop - start)
        begin = start + sum(counts[: self.rank])
        # Who has no row plays one all the same, so that its output and states have their shapes.
        return slice(begin, begin + counts[self.rank]) if counts[self.rank] else slice(start, start + 1)

    def gathered(self, rows: Tensor, count: int) -> Tensor:
        counts = self._counts(count)
        own = rows[: counts[self.rank]]
        sent = rows.new_zeros(max(counts), *rows.shape[1:])
        sent[: len(own)] = own.detach()
        received = [torch.empty_like(sent) for _ in counts]
        with _talking():
            torch.distributed.all_gather(received, sent)
        return torch.cat([own if rank == self.rank else received[rank][: counts[rank]] for rank in range(self.size)])

    def summed(self, parameters: Sequence[nn.Parameter]) -> None:
        # Which parameters have a gradient at all is exchanged with them: an optimiser leaves the others alone.
        device, dtype = parameters[0].device, parameters[0].dtype
        there = torch.tensor([one.grad is not None for one in parameters], device=device, dtype=dtype)
        parts = [torch.zeros_like(one) if one.grad is None else one.grad for one in parameters]
        total = torch.cat([there, *(part.flatten() for part in parts)])
        with _talking():
            torch.distributed.all_reduce(total)
        there, *parts = total.split([len(parameters), *(one.numel() for one in parameters)])
        for one, count, part in zip(parameters, there.tolist(), parts, strict=True):
            one.grad = part.view_as(one).clone() if count else None

    def any(self, flag: bool) -> bool:
        said = torch.tensor([int(flag)])
        with _talking():
            torch.distributed.all_reduce(said, torch.distributed.ReduceOp.MAX)
        return bool(said)

    def of_first(self, make: Callable[[], T]) -> T:
        made: list[Any] = [make() if self.first else None]
        with _talking():
            torch.distributed.broadcast_object_list(made, device=torch.device("cpu"))
        return made[0]

    def begin(self, network: nn.Module) -> None:
        with _talking():
            for tensor in network.state_dict().values():
                torch.distributed.broadcast(tensor, 0)

    @contextlib.contextmanager
    def out_of_memory_together(self) -> Iterator[None]:
        lacking = None
        try:
            with super().out_of_memory_together():
                yield
        except torch.OutOfMemoryError as error:
            lacking = error
        if self.any(lacking is not None):
            raise lacking or torch.OutOfMemoryError("Another process ran out of memory.")


@contextlib.contextmanager
def joined(device: str) -> Iterator[Team]:
    """The team that this process belongs to by its environment (RANK, WORLD_SIZE and so on, as torchrun sets them).

    Args:
        device: "auto", "cpu" or "cuda"; each process of a machine takes a CUDA device of its own.

    Raises:
        MissingError: The environment is incomplete, the others can't be reached, or there are too few CUDA devices.
    """
    size = os.environ.get("WORLD_SIZE", "1")
    if size == "1":
        yield ALONE
        return
    # Its functions' defaults keep the group that there is when it is imported, as an optimiser's first step does: the group's
    # threads would go on to the end of Python, which one that still holds a tensor then doesn't survive.
    import torch.distributed.nn.functional

    start = "Start it with: torchrun --nproc-per-node N -m fxlab train ..."
    cuda = device != "cpu" and torch.cuda.is_available()
    try:
        rank, local, size = (int(os.environ[name]) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"))
    except (KeyError, ValueError) as error:
        raise MissingError(f"WORLD_SIZE is {size}, but not all of torchrun's variables are set: {error}.", start) from None
    if cuda:
        if local >= torch.cuda.device_count():
            raise MissingError(
                f"There are more processes than the {torch.cuda.device_count()} CUDA devices.",
                "Start one process per device, or train with --device cpu.",
            )
        torch.cuda.set_device(local)
    try:
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=_TIMEOUT)
    except (RuntimeError, ValueError) as error:
        raise MissingError(f"The processes of this training don't find each other: {error}", start) from None
    try:
        yield _Several(rank, size)
    finally:
        torch.distributed.destroy_process_group()
