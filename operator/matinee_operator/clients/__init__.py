"""All I/O: the API server, the Lease, Events, and what the pods stream.

Doors: `events`, `job_refusals`, `kube`, `leader`, `performing`, `pod_feeds`, `retry`, `writes`.
"""
