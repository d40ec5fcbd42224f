"""Tests of the cluster itself use the fixtures of all tests on a cluster."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("e2e.fixtures")
