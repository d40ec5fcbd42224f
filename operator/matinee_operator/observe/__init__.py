"""From events and raw objects to the facts that a decision is made from: cache -> snapshot.

Doors: `cache`, `fetch_result`, `jobs`, `nodes`, `pods`, `snapshot`, `snapshots`.
"""
