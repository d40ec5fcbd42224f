"""From events and raw objects to the facts that a decision is made from: cache -> snapshot.

Doors: `cache`, `fetch_result`, `jobs`, `nodes`, `pod_trouble`, `pods`, `snapshot`, `snapshots`,
`trimming`.
"""
