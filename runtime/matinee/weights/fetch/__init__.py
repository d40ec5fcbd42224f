"""Weights from a hub or an object store into a folder: complete and checked, or not there.

`run.py` is the door. For each tree of the configuration `plan.py` asks its source
(`sources.py`: `hub.py`, `s3.py`, `mounted.py`) what there is, picks what is needed
(`selection.py`) and judges it (`model_index.py`). `cache.py` makes the folder appear,
`transfer.py` fetches one file into it and `digests.py` checks that. `progress.py` counts the bytes,
`progress_server.py` tells them. Whatever stops the process, the volume is right, and the
next one resumes with what is there.

This package never imports torch: a download Job must run in little memory.
"""
