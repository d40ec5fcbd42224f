"""What every server shares: who may enter, whose turn it is, the port, the log.

Doors: `access`, `admission`, `listening`, `logs`, `tasks`.
"""
