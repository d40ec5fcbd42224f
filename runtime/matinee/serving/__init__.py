"""What every server shares: who may enter, whose turn it is, the port, the log.

Doors: `access`, `admission`, `door`, `http_manners`, `listening`, `logs`, `tasks`,
`websocket_protocol`.
"""
