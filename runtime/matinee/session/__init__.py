"""One viewer's stream: `session` decides without I/O, `runner` performs it for an `Outlet`.

`reception` makes a session of the first message (`opening` judges it, `baggage` is what it brings
along), `inbox` reads the later
ones, `turns` knows whose turn it is, `record` writes a session down. `segment_stream` turns
pictures into fragments, `send_queue` bounds what waits for the viewer, `states` keeps what a later
segment needs.

Doors: `arrival`, `baggage`, `effects`, `metrics`, `opened`, `opening`, `outlet`, `reception`,
`resuming`, `runner`, `send_queue`, `session_log`, `states`, `studio`, `video_opener`.
"""
