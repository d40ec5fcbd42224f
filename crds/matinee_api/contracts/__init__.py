"""What programs say to each other.

Doors: `endpoints`, `fetch`, `pod_http`, `revisions`.
"""
