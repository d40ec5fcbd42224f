"""`docs/limits.md`: everything that takes bytes from outside, and its bounds.

`rows.py` says what takes them, `page.py` writes the page; bounds come from the configuration and
from the code's own constants. A test finds routes, messages and modules that read, and fails for
each that has no row.
"""
