"""The other end of `/v1/stream`: a client, and a recording of what it receives. No torch.

Doors: `recording`, `server_text`, `stream_client`.
"""
