"""What every server shares: who may enter, whose turn it is, the port, the log.

Doors: `access`, `admission`, `allowance`, `bearers`, `byte_budget`, `door`, `file_stamp`,
`frame_budget`, `graceful_server`, `guests`, `host_guard`, `http_client`, `http_manners`, `keys`,
`large_blocks`, `line_feed`, `lingering`, `listening`, `logs`, `multipart`, `names`, `pace`,
`public_addresses`, `quiet_threads`, `refusal`, `session_lengths`, `short_turns`, `tasks`, `tls`,
`tls_server`, `uncollected`, `url_fetching`, `websocket_protocol`.
"""
