"""From a request to RGB frames: models, chunks, continuation. Only the worker process and the
Python API import this package, because it imports torch.

`engine.py` is the door; `sources.py` finds a model's folder, `model_folder.py` judges it,
`families/` runs it, `colour.py` turns frames into the encoder's pictures.
"""
