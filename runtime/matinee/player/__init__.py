"""The page at `/player`: plain HTML, CSS and ES modules, served from memory.

`assets.py` hands the files to the server; everything else here runs in the browser.

Doors: `assets`.
"""

__all__: list[str] = []
