"""The synthetic family behind `matinee mock`: a test pattern and a tone at the pace of a model.

For people who write clients. It stands in for the engine only: the worker, the server and the
protocol are the real ones. No torch, here or in anything that is imported. A worker loads
`backend` by its name.

Doors: `settings`.
"""
