"""Trains one module with several single-threaded processes.

Each process computes gradients on batches of its own; this one applies them as they come, so a
gradient is at most a step old. That bears other load on the machine, where the threads of one
process would wait for the slowest of them at every operation.
"""

import copy
import logging
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, multiprocessing, nn

from tools.tiny_model.muon import Muon, split
from tools.tiny_model.schedule import Budget, learning_rate

log = logging.getLogger(__name__)

EMA_DECAY = 0.998
SMOOTHING = 0.02

Gradients = list[Tensor]
Model = TypeVar("Model", bound=nn.Module)
ModelIn = TypeVar("ModelIn", bound=nn.Module, contravariant=True)


class Task(Protocol[ModelIn]):
    """What a worker computes. It is sent to each process before `prepare` is called there."""

    def prepare(self, model: ModelIn, seed: int) -> None:
        """Build what cannot be sent, and draw differently from the other processes."""

    def loss(self, model: ModelIn) -> Tensor:
        """The loss on a new batch."""


def work(
    seed: int, connection: Connection, model: Model, gradients: Gradients, task: Task[Model]
) -> None:
    """A process: fill `gradients`, send the loss, wait for the word to go on."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    task.prepare(model, seed)
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        parameter.grad = gradient
    go_on = True
    while go_on:
        torch._foreach_zero_(gradients)
        loss = task.loss(model)
        loss.backward()
        connection.send(loss.item())
        go_on = connection.recv()


class Workers(Generic[Model]):
    """The processes, their connections and the gradients that they share with this one."""

    def __init__(self, model: Model, task: Task[Model], count: int) -> None:
        """Start `count` processes on the (shared) model."""
        context = multiprocessing.get_context("spawn")
        self.gradients: dict[Connection, Gradients] = {}
        for k in range(count):
            ours, theirs = context.Pipe()
            gradients = [torch.zeros_like(p).share_memory_() for p in model.parameters()]
            self.gradients[ours] = gradients
            context.Process(target=work, args=(k + 10, theirs, model, gradients, task)).start()
            theirs.close()

    def ready(self) -> list[Connection]:
        """Connections whose gradients are complete; blocks until there is one."""
        return [c for c in wait(list(self.gradients)) if isinstance(c, Connection)]

    def stop(self) -> None:
        """Let each process end after its current batch."""
        for connection in self.gradients:
            connection.recv()
            connection.send(False)


class Learner(Generic[Model]):
    """The weights, their running mean, and the optimizers."""

    def __init__(self, model: Model, inner: nn.Module, matrix_rate: float, rate: float) -> None:
        """Orthogonalised momentum for the matrices of `inner`, AdamW for the rest."""
        self.model = model
        self.mean = copy.deepcopy(model)
        matrices, rest = split(model, inner)
        self.optimizers: list[tuple[torch.optim.Optimizer, float]] = [
            (Muon(matrices, lr=matrix_rate), matrix_rate),
            (torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98)), rate),
        ]

    def apply(self, gradients: Gradients, budget: Budget) -> None:
        """One step along the gradients."""
        for parameter, gradient in zip(self.model.parameters(), gradients, strict=True):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer, peak in self.optimizers:
            learning_rate(optimizer, peak, budget.share, budget.step)
            optimizer.step()
        self._average(min(EMA_DECAY, (1 + budget.step) / (10 + budget.step)))

    @torch.no_grad()
    def _average(self, keep: float) -> None:
        """Move the running mean towards the weights."""
        torch._foreach_lerp_(list(self.mean.parameters()), list(self.model.parameters()), 1 - keep)


def train(
    learner: Learner[Model],
    task: Task[Model],
    budget: Budget,
    processes: int,
    save: Callable[[Model], None],
) -> Model:
    """Train until the budget is used up; returns (and now and then saves) the averaged weights."""
    learner.model.share_memory()
    workers = Workers(learner.model, task, processes)
    smooth = 0.0
    while not budget.spent:
        for connection in workers.ready():
            loss = connection.recv()
            learner.apply(workers.gradients[connection], budget)
            connection.send(True)
            smooth += (loss - smooth) * max(SMOOTHING, 1 / (1 + budget.step))
            if budget.tick():
                log.info("step %d share %.2f loss %.4f", budget.step, budget.share, smooth)
                save(learner.mean)
    workers.stop()
    return learner.mean
