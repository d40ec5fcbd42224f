"""Videos in this process: the Python API, and where their files go.

Doors: `events`, `generator`, `output_path`, `streaming`.
"""
