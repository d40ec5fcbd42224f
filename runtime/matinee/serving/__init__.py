"""What every server shares: who may enter, whose turn it is, the port, the log.

Doors: `access`, `admission`, `host_guard`, `listening`, `logs`, `names`, `refusal`, `tasks`.
"""
