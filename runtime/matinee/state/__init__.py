"""Continuation states as bytes and JSON, and back."""
