"""Pictures to bytes and back: H.264, fragmented MP4, JPEG, and images that clients send.

CPU work only, without sockets, event loops or torch. Nothing here is thread-safe; a session's
`VideoStream` is called by one thread at a time.
"""

__all__ = ["boxes", "fmp4", "h264", "i420", "images", "jpeg", "suffixes", "tracks", "video_stream"]
