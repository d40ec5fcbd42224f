"""Where continuation states are kept between segments: `StateStore` and its two kinds.

`memory` forgets with the process; `files` survives it. Both forget states older than their time
to live, and the oldest ones when there are too many.
"""
