"""Pictures and sound to bytes: H.264, AAC, fragmented MP4, JPEG; and images that clients send.

CPU work only, without sockets, event loops or torch. Nothing here is thread-safe; a session's
`MediaStream` is called by one thread at a time.

Doors: `decoding`, `decoding/pool`, `decoding/process`, `i420`, `images`, `jpeg`, `media_stream`,
`reading_back`, `stills`, `suffixes`, `video_file`, `video_kinds`, `video_output`.
"""

__all__ = [
    "aac",
    "boxes",
    "fmp4",
    "h264",
    "i420",
    "images",
    "jpeg",
    "media_stream",
    "reading_back",
    "sound_track",
    "suffixes",
    "tracks",
]
