"""The router: one address in front of several servers, without torch, numpy and sessions.

Pure: `table` (what is known of each backend), `placement` (which one gets a session), `queue` (who
is next), `frames` (where WebSocket frames end). With I/O: `feeds` and `probes` fill the table,
`seating` finds each viewer a backend, `viewer` and `upstream` are the two ends of a splice,
`http_client` and `forwarding` carry plain HTTP, `app` answers questions, `host` is the process.

Doors: `host`.
"""
