"""Matinee's API: the resources, the runtime's configuration, and the pure functions between them.

Both programs import this package and share nothing else. It needs pydantic (and PyYAML to read
files) and knows neither Kubernetes' client nor torch.
"""

from __future__ import annotations

from matinee_api.config.errors import ConfigError, Problem

__all__ = ["ConfigError", "Problem"]
