"""From a request to chunks of a video: loaded models, families, runs. Only the worker process and
the Python API import this package, because it imports torch.

`engine.py` is the door, `families/` says what a family must answer and holds them, `windows.py` is
the run of those that make clips, `colour.py` turns frames into the encoder's pictures.

Doors: `colour`, `engine`, `families`, `library_logs`.
"""
