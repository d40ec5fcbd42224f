"""Continuation states as bytes and JSON, and back.

Doors: `codec`, `last_frames`, `stored`.
"""
