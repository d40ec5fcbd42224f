"""A fragmented MP4 file, ours or a stranger's -> where its samples are and how long each lasts.

Only what a plain file needs is read: the boxes that describe each track, as they are, and the runs
of samples (ISO/IEC 14496-12, 8.8). The pictures themselves stay in the file. What is cut off at
the end is left out. A recording of a server's stream holds whatever that server sent, so no number
in it is believed before it is compared with the file.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from matinee.errors import MatineeError

MOST_HEADER_BYTES = 16 * 2**20
"""Of one moov or moof. Ours have less than 10 KiB."""
MOST_SAMPLES = 20_000_000
"""Of all tracks: a week of pictures. Each takes 8 to 12 bytes while a file is rewritten."""
MOST_SAMPLES_OF_A_RUN = 2**16
"""Half an hour of pictures in one fragment. Each takes some 250 bytes while it is read, though the
file may hold none for it: sizes can be said once for all, and be 0."""
MEDIA_HEADERS = frozenset({b"vmhd", b"smhd", b"nmhd", b"sthd"})
MALFORMED = (struct.error, LookupError, OverflowError, ValueError)
"""What numbers that do not fit lead to."""
NON_SYNC = 0x00010000
_DATA_OFFSET, _FIRST_FLAGS = 0x001, 0x004
_DURATION, _SIZE, _FLAGS, _COMPOSITION = 0x100, 0x200, 0x400, 0x800
_BASE_OFFSET, _DESCRIPTION = 0x01, 0x02
_DEFAULT_DURATION, _DEFAULT_SIZE, _DEFAULT_FLAGS, _BASE_IS_MOOF = 0x08, 0x10, 0x20, 0x020000

Boxes = dict[bytes, bytes]
"""Contents by kind; of several of one kind the first."""


class NotFragmented(MatineeError):
    """The file is no fragmented MP4, or one that is not understood."""


class _CutOff(Exception):
    """A run's samples are not all there."""


@dataclass(slots=True)
class Samples:
    """A track: `trak` has its boxes by path, as they came. Times in ticks of its `timescale`.

    `chunk_places`: where each run lies among the payload of all tracks.
    """

    trak: Boxes
    timescale: int
    skipped: int
    defaults: tuple[int, int, int]
    start: int | None = None
    end: int = 0
    sizes: array[int] = field(default_factory=lambda: array("I"))
    durations: array[int] = field(default_factory=lambda: array("I"))
    compositions: array[int] = field(default_factory=lambda: array("i"))
    sync: array[int] = field(default_factory=lambda: array("I"))
    chunk_places: array[int] = field(default_factory=lambda: array("Q"))
    chunk_samples: array[int] = field(default_factory=lambda: array("I"))

    def begin_run(self, time: int) -> None:
        """A gap, of what a slow viewer missed, is filled by the picture before it."""
        if self.start is None:
            self.start = self.end = time
        elif time > self.end:
            self.durations[-1] += time - self.end
            self.end = time

    def add(self, place: int, rows: Sequence[tuple[int, int, int, int]]) -> None:
        """Rows of duration, size, flags, composition offset."""
        self.chunk_places.append(place)
        self.chunk_samples.append(len(rows))
        for duration, size, flags, composition in rows:
            self.sizes.append(size)
            self.durations.append(duration)
            self.compositions.append(composition)
            if not flags & NON_SYNC:
                self.sync.append(len(self.sizes))
            self.end += duration


@dataclass(slots=True)
class Movie:
    """`regions`: where in the file the payload lies, as offset and length in turn."""

    tracks: dict[int, Samples] = field(default_factory=dict)
    regions: array[int] = field(default_factory=lambda: array("Q"))
    payload_bytes: int = 0


def read_movie(file: BinaryIO) -> Movie:
    """Raises `NotFragmented`, and `OSError` as the file does."""
    movie = Movie()
    try:
        _read(file, movie)
    except MALFORMED as error:
        raise NotFragmented("this is no fragmented MP4 file") from error
    movie.tracks = {number: track for number, track in movie.tracks.items() if track.sizes}
    if not movie.tracks:
        raise NotFragmented("this MP4 file has no fragments")
    return movie


def children(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each box. Raises `ValueError` unless the sizes add up."""
    offset = 0
    while offset < len(content):
        size, kind = struct.unpack_from(">I4s", content, offset)
        if not 8 <= size <= len(content) - offset:
            raise ValueError(kind)
        yield kind, content[offset + 8 : offset + size]
        offset += size


def _read(file: BinaryIO, movie: Movie) -> None:
    file_bytes = file.seek(0, 2)
    offset = 0
    while offset + 16 <= file_bytes:
        file.seek(offset)
        size, kind, long_size = struct.unpack(">I4sQ", file.read(16))
        size, header_bytes = (long_size, 16) if size == 1 else (size, 8)
        if size < header_bytes or offset + size > file_bytes:
            return
        if kind in (b"moov", b"moof"):
            if size > MOST_HEADER_BYTES:
                raise ValueError(size)
            file.seek(offset + header_bytes)
            content = file.read(size - header_bytes)
            if kind == b"moov":
                movie.tracks = movie.tracks or _tracks(content)
            elif not _take_fragment(movie, content, offset, file_bytes):
                return
        offset += size


def _first(content: bytes) -> Boxes:
    found: Boxes = {}
    for kind, inside in children(content):
        found.setdefault(kind, inside)
    return found


def _tracks(moov: bytes) -> dict[int, Samples]:
    extends = {}
    for kind, content in children(_first(moov).get(b"mvex", b"")):
        if kind == b"trex":
            track_id, _, duration, size, flags = struct.unpack_from(">4x5I", content)
            extends[track_id] = duration, size, flags
    tracks = [_track(content) for kind, content in children(moov) if kind == b"trak"]
    return {
        number: Samples(trak, timescale, skipped, extends.get(number, (0, 0, 0)))
        for number, trak, timescale, skipped in tracks
    }


def _track(content: bytes) -> tuple[int, Boxes, int, int]:
    """Number, boxes, timescale, ticks before the first that is shown."""
    trak = _first(content)
    mdia = _first(trak[b"mdia"])
    minf = _first(mdia[b"minf"])
    (header,) = MEDIA_HEADERS & minf.keys()
    table = _first(minf[b"stbl"])
    if any(table[b"stsz"][8:12]):
        raise ValueError("samples outside of fragments")
    boxes = {
        b"tkhd": trak[b"tkhd"],
        **{kind: mdia[kind] for kind in (b"mdhd", b"hdlr")},
        **{kind: minf[kind] for kind in (header, b"dinf")},
        b"stsd": table[b"stsd"],
    }
    is_long = boxes[b"tkhd"][0] == 1
    (number,) = struct.unpack_from(">I", boxes[b"tkhd"], 20 if is_long else 12)
    is_long = boxes[b"mdhd"][0] == 1
    (timescale,) = struct.unpack_from(">I", boxes[b"mdhd"], 20 if is_long else 12)
    if not timescale:
        raise ValueError(timescale)
    return number, boxes, timescale, _skipped(_first(trak.get(b"edts", b"")).get(b"elst", b""))


def _skipped(elst: bytes) -> int:
    if not elst:
        return 0
    count, fields = struct.unpack_from(">4xI", elst)[0], ">qq" if elst[0] == 1 else ">ii"
    for index in range(min(count, 2)):  # an empty edit, if any, comes before
        _, time = struct.unpack_from(fields, elst, 8 + index * (struct.calcsize(fields) + 4))
        if time >= 0:
            return int(time)
    return 0


def _take_fragment(movie: Movie, moof: bytes, moof_offset: int, file_bytes: int) -> bool:
    """False when its samples are cut off."""
    data_end = moof_offset
    try:
        for kind, content in children(moof):
            if kind == b"traf":
                data_end = _take_track(movie, content, moof_offset, data_end, file_bytes)
    except _CutOff:
        return False
    return True


def _take_track(movie: Movie, traf: bytes, moof_offset: int, data_end: int, file_bytes: int) -> int:
    """Where its data ends, which is where the next track's begins if nothing else is said."""
    first = _first(traf)
    flags, number = struct.unpack_from(">II", first[b"tfhd"])
    track = movie.tracks[number]
    given = list(struct.unpack(f">{(len(first[b'tfhd']) - 8) // 4}I", first[b"tfhd"][8:]))
    base = moof_offset if flags & _BASE_IS_MOOF else data_end
    if flags & _BASE_OFFSET:
        base = given.pop(0) << 32 | given.pop(0)
    if flags & _DESCRIPTION and given.pop(0) != 1:
        raise ValueError("several sample descriptions")
    bits = (_DEFAULT_DURATION, _DEFAULT_SIZE, _DEFAULT_FLAGS)
    defaults = [
        given.pop(0) if flags & bit else default
        for bit, default in zip(bits, track.defaults, strict=True)
    ]
    if tfdt := first.get(b"tfdt"):
        track.begin_run(struct.unpack_from(">Q" if tfdt[0] == 1 else ">I", tfdt, 4)[0])
    else:
        track.begin_run(track.end)
    data_end = base
    for kind, content in children(traf):
        if kind == b"trun":
            data_end = _take_run(movie, track, content, defaults, base, data_end, file_bytes)
    return data_end


def _take_run(
    movie: Movie,
    track: Samples,
    trun: bytes,
    defaults: Sequence[int],
    base: int,
    data_end: int,
    file_bytes: int,
) -> int:
    offset, rows = _rows(trun, defaults)
    source = data_end if offset is None else base + offset
    length = sum(size for _, size, _, _ in rows)
    if source < 0:
        raise ValueError(source)
    if source + length > file_bytes:
        raise _CutOff
    if sum(len(one.sizes) for one in movie.tracks.values()) + len(rows) > MOST_SAMPLES:
        raise ValueError(len(rows))
    if rows:
        track.add(movie.payload_bytes, rows)
        movie.regions.extend((source, length))
        movie.payload_bytes += length
    return source + length


def _rows(
    trun: bytes, defaults: Sequence[int]
) -> tuple[int | None, list[tuple[int, int, int, int]]]:
    """The data's offset, if given, and the samples' duration, size, flags, composition offset."""
    flags, count = struct.unpack_from(">II", trun)
    at, offset, first_flags = 8, None, None
    if flags & _DATA_OFFSET:
        (offset,) = struct.unpack_from(">i", trun, at)
        at += 4
    if flags & _FIRST_FLAGS:
        (first_flags,) = struct.unpack_from(">I", trun, at)
        at += 4
    columns = [bit for bit in (_DURATION, _SIZE, _FLAGS, _COMPOSITION) if flags & bit]
    if count > MOST_SAMPLES_OF_A_RUN:
        raise ValueError(count)
    numbers = iter(struct.unpack_from(f">{count * len(columns)}I", trun, at))
    usual = dict(zip((_DURATION, _SIZE, _FLAGS), defaults, strict=True)) | {_COMPOSITION: 0}
    rows = []
    for index in range(count):
        row = usual | {bit: next(numbers) for bit in columns}
        if index == 0 and first_flags is not None:
            row[_FLAGS] = first_flags
        composition = row[_COMPOSITION]
        signed = composition - (composition >> 31 << 32)
        rows.append((row[_DURATION], row[_SIZE], row[_FLAGS], signed))
    return offset, rows
