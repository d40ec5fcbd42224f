"""Momentum whose matrices are made orthogonal before each step (Muon; Jordan et al., 2024).

torch has one for plain matrices; this one also takes convolutions, as one row per output channel,
and treats matrices of equal shape in one batch, which a CPU needs. Steps are scaled to the size
that AdamW's have, so that both share learning rates.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
STEP_SIZE = 0.2  # the usual root mean square of an AdamW step, in learning rates


def orthogonal(matrices: Tensor) -> Tensor:
    """Roughly U V^T of each matrix (N, rows, columns), by Newton-Schulz iteration."""
    a, b, c = COEFFICIENTS
    x = matrices.bfloat16()
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """For the weights of hidden linear and convolutional layers."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ) -> None:
        """Same meaning as in torch's own optimizers."""
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step for all groups."""
        for group in self.param_groups:
            by_shape = defaultdict(list)
            for weight in group["params"]:
                by_shape[weight.flatten(1).shape].append(weight)
            for weights in by_shape.values():
                self._step_alike(weights, group)

    def _step_alike(self, weights: list[Tensor], group: dict[str, float]) -> None:
        """One step for weights of the same shape."""
        directions = [self._direction(weight, group["momentum"]).flatten(1) for weight in weights]
        updates = orthogonal(torch.stack(directions))
        rate = group["lr"] * STEP_SIZE * max(updates.shape[1:]) ** 0.5
        for weight, update in zip(weights, updates, strict=True):
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(update.view_as(weight), alpha=-rate)

    def _direction(self, weight: Tensor, momentum: float) -> Tensor:
        """The gradient with Nesterov momentum."""
        gradient = weight.grad
        if gradient is None:
            raise ValueError("a weight has no gradient")
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(state["momentum"], momentum)


def split(module: nn.Module, inner: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The weights of `inner` that Muon takes, and all other parameters of `module`."""
    matrices = [p for name, p in inner.named_parameters() if name.endswith("weight") and p.ndim > 1]
    known = {id(p) for p in matrices}
    return matrices, [p for p in module.parameters() if id(p) not in known]
