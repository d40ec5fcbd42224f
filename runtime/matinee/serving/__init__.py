"""What every server shares: who may enter, whose turn it is, the port, the log.

Doors: `access`, `admission`, `byte_budget`, `door`, `guesses`, `guests`, `host_guard`,
`http_manners`, `listening`, `logs`, `names`, `quiet_threads`, `refusal`, `tasks`, `uncollected`,
`websocket_protocol`.
"""
