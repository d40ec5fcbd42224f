"""What goes over `/v1/stream` (docs/protocol.md): messages of the client and of the server.

Doors: `base64_text`, `client_messages`, `long_json`, `server_messages`.
"""
