"""What goes over `/v1/stream` (docs/protocol.md): messages of the client and of the server."""
