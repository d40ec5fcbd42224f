"""The stream server: a WebSocket session's protocol, its segments, and the HTTP beside it.

`client_messages` and `server_messages` are the wire, `session` decides without I/O, `connection`
moves the bytes of one viewer, `app` routes, `server` owns the port and the process.
"""
