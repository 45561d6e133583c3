"""What the processes of one run tell one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import FunctionCtx, once_differentiable

Value = TypeVar("Value")
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Processes:
    """A process among those of its run; alone, it has every question answered at once.

    All of them must ask the same questions in the same order: each answer waits for every process.

    Attributes
    ----------
    rank, count:
        Its number, from 0, and how many there are.
    device:
        Where the processes exchange tensors.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = CPU

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0

    def share(self, length: int) -> slice:
        """The part of so many things that is this process's: sides differ by one at most."""
        start, stop = (length * rank // self.count for rank in (self.rank, self.rank + 1))
        return slice(start, stop)

    def gather(self, values: Tensor) -> Tensor:
        """The rows of all processes, (B, ...) each, as (count x B, ...), with gradients to whoever sent them."""
        if self.count == 1:
            return values
        gathered: Tensor = _Gathered.apply(values, self)
        return gathered

    def sum(self, values: Tensor) -> Tensor:
        """The sum of all processes' values, with gradients to whoever sent them."""
        if self.count == 1:
            return values
        total: Tensor = _Summed.apply(values.to(self.device))
        return total.to(values.device)

    @torch.no_grad()
    def join(self, rows: Tensor) -> Tensor:
        """The rows of all processes, however many each has, one process after the other, on the CPU."""
        if self.count == 1:
            return rows
        counts = self.tell(len(rows))
        most = max(counts)
        padded = torch.zeros(most, *rows.shape[1:], dtype=rows.dtype, device=self.device)
        padded[: len(rows)] = rows
        everything = [torch.empty_like(padded) for _ in counts]
        distributed.all_gather(everything, padded)
        return torch.cat([of_one[:length].cpu() for of_one, length in zip(everything, counts, strict=True)])

    def tell(self, value: Value) -> list[Value]:
        """What each process says, by rank: any small value that pickles."""
        if self.count == 1:
            return [value]
        said: list[Any] = [None] * self.count
        distributed.all_gather_object(said, value)
        return said

    def first(self, find: Callable[[], Value]) -> Value:
        """What the leader finds, told to the others, who need not look for it."""
        if self.count == 1:
            return find()
        found: list[Any] = [find() if self.leads else None]
        distributed.broadcast_object_list(found, src=0)
        return found[0]  # type: ignore[no-any-return]

    def follow_leader(self, module: nn.Module) -> None:
        """Take over the leader's running statistics and other buffers of a module."""
        if self.count > 1:
            for buffer in module.buffers():
                held = buffer.to(self.device)
                distributed.broadcast(held, src=0)
                buffer.copy_(held)

    def any(self, flag: bool) -> bool:
        """Whether one of them says yes."""
        return any(self.tell(flag))

    def wait(self) -> None:
        """Go on once all have come this far: what the leader wrote before can be read after."""
        if self.count > 1:
            distributed.barrier()


ALONE = Processes()


class _Summed(torch.autograd.Function):
    """Every process's loss depends on the sum, so that the gradients of all of them meet in each summand."""

    @staticmethod
    def forward(_context: FunctionCtx, values: Tensor) -> Tensor:
        return _total(values)

    @staticmethod
    @once_differentiable
    def backward(_context: FunctionCtx, gradient: Tensor) -> Tensor:
        return _total(gradient)


class _Gathered(torch.autograd.Function):
    """As the sum: what all processes make of these rows goes back to the one that has them."""

    @staticmethod
    def forward(context: Any, values: Tensor, processes: Processes) -> Tensor:
        context.own = slice(processes.rank * len(values), (processes.rank + 1) * len(values))
        everything = [torch.empty_like(values, memory_format=torch.contiguous_format) for _ in range(processes.count)]
        distributed.all_gather(everything, values.contiguous())
        return torch.cat(everything)

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _total(gradient)[context.own], None


def _total(values: Tensor) -> Tensor:
    total = values.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total
