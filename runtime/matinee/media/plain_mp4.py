"""A fragmented MP4 file becomes a plain one: the index in front, nothing encoded again.

Other programs read a fragmented file without its length: a second or two of it, no count of
pictures, no seeking. A plain one has its true duration and the place of every sample in its moov
(ISO/IEC 14496-12, 8.6 and 8.7), which comes first, so that a web page can play it from any server.
"""

from __future__ import annotations

import itertools
import struct
import sys
from array import array
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

from matinee.media.boxes import box, full_box
from matinee.media.fmp4 import UNITY_MATRIX
from matinee.media.fragmented import (
    MALFORMED,
    MEDIA_HEADERS,
    Movie,
    NotFragmented,
    Samples,
    read_movie,
)

PIECE_BYTES = 2**20
_32_BITS = 2**32


def plain_pieces(file: BinaryIO) -> Iterator[bytes]:
    """The plain file in pieces of at most 1 MiB, but for its head: 8 to 12 bytes a sample.

    Raises `NotFragmented` before the first piece.
    """
    movie = read_movie(file)
    try:
        first = head(movie)
    except MALFORMED as error:
        raise NotFragmented("the times of this MP4 file are out of range") from error
    yield first
    for index in range(0, len(movie.regions), 2):
        offset, left = movie.regions[index], movie.regions[index + 1]
        file.seek(offset)
        while left and (piece := file.read(min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece


def head(movie: Movie) -> bytes:
    """Everything before the payload: ftyp, moov and the header of mdat."""
    file_type = box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2avc1mp41")
    wide = movie.payload_bytes + 16 >= _32_BITS
    size = struct.pack(">I4sQ", 1, b"mdat", 16 + movie.payload_bytes)
    data = size if wide else struct.pack(">I4s", 8 + movie.payload_bytes, b"mdat")
    before = len(file_type) + len(_movie(movie, 0, wide=wide)) + len(data)
    if not wide and before + movie.payload_bytes >= _32_BITS:
        wide, before = True, len(file_type) + len(_movie(movie, 0, wide=True)) + len(data)
    return file_type + _movie(movie, before, wide=wide) + data


def _movie(movie: Movie, payload_at: int, *, wide: bool) -> bytes:
    """moov. Its clock is the first track's, so that no picture's time is rounded."""
    tracks = list(movie.tracks.values())
    leader = next((one for one in tracks if b"vmhd" in one.trak), tracks[0])
    origin = Fraction(leader.start or 0, leader.timescale)
    edits = [_edits(track, origin, leader.timescale) for track in tracks]
    spans = [sum(duration for duration, _ in edit) for edit in edits]
    return box(
        b"moov",
        full_box(
            b"mvhd",
            1,
            0,
            struct.pack(">16xIQIH10x", leader.timescale, max(spans), 1 << 16, 0x0100),
            UNITY_MATRIX,
            struct.pack(">24xI", 1 + max(movie.tracks) & 0xFFFFFFFF),
        ),
        *(
            _track(number, track, edit, payload_at, wide=wide)
            for (number, track), edit in zip(movie.tracks.items(), edits, strict=True)
        ),
    )


def _edits(track: Samples, origin: Fraction, movie_timescale: int) -> list[tuple[int, int]]:
    """Duration on the movie's clock and begin on the track's: -1 for nothing at all. What lies
    before the video's first picture, an encoder's priming, is not shown."""
    start = track.start or 0
    lead = round(Fraction(start - track.skipped) - origin * track.timescale)
    begin = max(0, -lead)
    shown = Fraction(max(0, _last_shown(track) - begin) * movie_timescale, track.timescale)
    empty = round(Fraction(max(0, lead) * movie_timescale, track.timescale))
    edit = -(-shown.numerator // shown.denominator), begin
    return [(empty, -1), edit] if empty else [edit]


def _last_shown(track: Samples) -> int:
    """Ticks from the first sample's decoding to the end of what is shown last."""
    ends = itertools.accumulate(track.durations)
    return max(end + later for end, later in zip(ends, track.compositions, strict=True))


def _track(
    number: int, track: Samples, edits: list[tuple[int, int]], payload_at: int, *, wide: bool
) -> bytes:
    trak = track.trak
    shown = sum(span for span, _ in edits)
    header = next(kind for kind in MEDIA_HEADERS if kind in trak)
    return box(
        b"trak",
        _track_header(trak[b"tkhd"], number, shown),
        b"" if edits == [(shown, 0)] else _edit_list(edits),
        box(
            b"mdia",
            _media_header(trak[b"mdhd"], track),
            box(b"hdlr", trak[b"hdlr"]),
            box(
                b"minf",
                box(header, trak[header]),
                box(b"dinf", trak[b"dinf"]),
                _sample_table(track, payload_at, wide=wide),
            ),
        ),
    )


def _track_header(tkhd: bytes, number: int, shown: int) -> bytes:
    enabled_and_in_movie = 3
    size_and_more = tkhd[36 if tkhd[0] == 1 else 24 :]
    return full_box(
        b"tkhd", 1, enabled_and_in_movie, struct.pack(">16xI4xQ", number, shown), size_and_more
    )


def _media_header(mdhd: bytes, track: Samples) -> bytes:
    duration, language = track.end - (track.start or 0), mdhd[32 if mdhd[0] == 1 else 20 :]
    return full_box(b"mdhd", 1, 0, struct.pack(">16xIQ", track.timescale, duration), language)


def _edit_list(edits: list[tuple[int, int]]) -> bytes:
    entries = [struct.pack(">QqI", span, begin, 1 << 16) for span, begin in edits]
    count = struct.pack(">I", len(entries))
    return box(b"edts", full_box(b"elst", 1, 0, count, *entries))


def _sample_table(track: Samples, payload_at: int, *, wide: bool) -> bytes:
    """stbl (ISO/IEC 14496-12, 8.5 to 8.7)."""
    places = array("Q" if wide else "I", (payload_at + place for place in track.chunk_places))
    count = len(track.sizes)
    parts = [
        box(b"stsd", track.trak[b"stsd"]),
        full_box(b"stts", 0, 0, _run_lengths(track.durations)),
        full_box(b"stsc", 0, 0, _samples_to_chunks(track.chunk_samples)),
        full_box(b"stsz", 0, 0, struct.pack(">4xI", count), _big_endian(track.sizes)),
        full_box(
            b"co64" if wide else b"stco", 0, 0, struct.pack(">I", len(places)), _big_endian(places)
        ),
    ]
    if any(track.compositions):
        parts.append(full_box(b"ctts", 1, 0, _run_lengths(track.compositions)))
    if len(track.sync) < count:
        sync = struct.pack(">I", len(track.sync)), _big_endian(track.sync)
        parts.append(full_box(b"stss", 0, 0, *sync))
    return box(b"stbl", *parts)


def _run_lengths(values: array[int]) -> bytes:
    """Of stts and ctts: how many samples in a row have each value."""
    rows = [
        struct.pack(f">I{values.typecode}", sum(1 for _ in same), value)
        for value, same in itertools.groupby(values)
    ]
    return struct.pack(">I", len(rows)) + b"".join(rows)


def _samples_to_chunks(counts: array[int]) -> bytes:
    """stsc: the first chunk, from 1, of each row of chunks with the same number of samples."""
    rows, chunk = [], 1
    for count, same in itertools.groupby(counts):
        rows.append(struct.pack(">III", chunk, count, 1))
        chunk += sum(1 for _ in same)
    return struct.pack(">I", len(rows)) + b"".join(rows)


def _big_endian(values: array[int]) -> bytes:
    ordered = values[:]
    if sys.byteorder == "little":
        ordered.byteswap()
    return ordered.tobytes()
