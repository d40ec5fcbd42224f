"""Strangers: what attacks a server from outside, and what those beside it notice of it.

`wire` sends any bytes at all, `attacks` has every attack by its name (`python -m tools.hostile NAME
PORT`), `watching` is the viewer and the probe beside them. The fuzzer (`tools/fuzz`),
`benchmarks/hostile.py` and `tools/soak.py` are made of these parts.
"""
