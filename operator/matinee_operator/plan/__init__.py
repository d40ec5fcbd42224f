"""Snapshot -> actions. Pure: no clock, no randomness, no input or output."""

from __future__ import annotations

from matinee_operator.plan.model import plan_model
from matinee_operator.plan.router import plan_router
from matinee_operator.plan.service import plan_service

__all__ = ["plan_model", "plan_router", "plan_service"]
