"""One viewer's stream: `session` decides without I/O, `runner` performs what it says.

`opening` judges the first message, `requests` the later ones, `segment_stream` turns pictures into
fragments, `send_queue` bounds what waits for the viewer, `states` keeps what a later segment needs.
"""
