"""From an event to a key: kopf's handlers, relations, relists, the work queue.

Doors: `discovery`, `handlers`, `relations`, `resync`, `workqueue`.
"""
