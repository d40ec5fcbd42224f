"""What survives a session, as bytes: `SessionStore` and its two kinds.

`memory` forgets with the process; `files` survives it. Both keep a short history of each session,
forget states older than their time to live, and the oldest ones when there are too many.

Doors: `base`, `files`, `folder`, `memory`.
"""
