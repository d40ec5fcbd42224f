"""Strangers: `wire` sends a server any bytes at all."""
