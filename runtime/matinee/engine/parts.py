"""Signs that a long computation gets on, between two denoising steps or within one decode."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn


def tell_parts(modules: Iterable[nn.Module], tell: Callable[[], None]) -> None:
    """Call `tell` after the forward pass of every block, from the thread that computes.

    A block is an item of a `ModuleList`: a layer of a transformer, a stage of a VAE and each of its
    layers. A hook for every module would cost a small step 3 % of its time.
    """
    for block in blocks_of(modules):
        block.register_forward_hook(lambda _block, _args, _output: tell())


def blocks_of(modules: Iterable[nn.Module]) -> list[nn.Module]:
    lists = (part for module in modules for part in module.modules())
    return [block for part in lists if isinstance(part, nn.ModuleList) for block in part]
