"""What programs say to each other.

Doors: `fetch`, `pod_http`, `revisions`.
"""
