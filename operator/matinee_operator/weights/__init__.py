"""A model's weights: the trees that its sources resolve to, and where pods find them. Pure.

Doors: `available`, `trees`.
"""
