"""What survives a session, as bytes: `SessionStore` and its three kinds.

`memory` forgets with the process; `files` survives it; Redis is for many pods. All keep a short
history of each session, forget states older than their time to live, and the oldest ones when there
are too many.

Doors: `base`, `disk`, `files`, `folder`, `memory`, `redis_address`, `redis_store`.
"""
