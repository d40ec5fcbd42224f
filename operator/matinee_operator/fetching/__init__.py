"""The Jobs that resolve and fetch a model's weights, and the claim that holds them. Pure."""

from __future__ import annotations

from matinee_operator.fetching.attempts import Fetching, Step, fetching
from matinee_operator.fetching.claim import Claim

__all__ = ["Claim", "Fetching", "Step", "fetching"]
