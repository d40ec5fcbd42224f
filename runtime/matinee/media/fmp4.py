"""Fragmented MP4, written by hand: tracks and coded samples enter, bytes for the wire leave.

libavformat's muxer holds a fragment back until the next packet arrives, so a segment's last
pictures would wait for the next segment. This one hands out each fragment at once.

Every fragment stands for itself (ISO/IEC 14496-12, 8.8): its times are absolute (tfdt), its
offsets count from its own moof, and it takes no default from the moov.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from matinee.media.boxes import box, full_box
from matinee.media.tracks import Track

MOVIE_TIMESCALE = 1000
UNITY_MATRIX = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
UNDETERMINED_LANGUAGE = 0x55C4
"""`und`, three letters of five bits."""

DEFAULT_BASE_IS_MOOF = 0x020000
DATA_OFFSET, DURATION, SIZE, FLAGS = 0x001, 0x100, 0x200, 0x400
SYNC_SAMPLE = 2 << 24
"""Depends on no other sample."""
NON_SYNC_SAMPLE = 1 << 24 | 1 << 16
"""Depends on others, and decoding cannot start here."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One coded picture or audio frame. `duration`: ticks of the track's timescale."""

    payload: bytes
    duration: int
    sync: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of one track in a row, the first decoded (and shown) at tick `decode_time`."""

    track_id: int
    decode_time: int
    samples: tuple[Sample, ...]


def init_segment(tracks: Sequence[Track]) -> bytes:
    """ftyp and moov, nothing else. No duration is stated: the stream has no known end."""
    next_track_id = 1 + max(track.track_id for track in tracks)
    return box(b"ftyp", b"iso5", struct.pack(">I", 512), b"iso5", b"iso6", b"mp41") + box(
        b"moov",
        _movie_header(next_track_id),
        *(_track(track) for track in tracks),
        box(b"mvex", *(_track_extends(track) for track in tracks)),
    )


def fragment(sequence_number: int, runs: Sequence[Run]) -> bytes:
    """moof and mdat with at most one run of each track. `sequence_number` counts
    the fragments of a stream, from 1."""
    size_of_moof = len(_movie_fragment(sequence_number, runs, 0))
    return _movie_fragment(sequence_number, runs, size_of_moof + 8) + box(
        b"mdat", *(sample.payload for run in runs for sample in run.samples)
    )


def _movie_header(next_track_id: int) -> bytes:
    """mvhd (ISO/IEC 14496-12, 8.2.2): normal speed, full volume."""
    return full_box(
        b"mvhd",
        0,
        0,
        struct.pack(">8xI4xIH10x", MOVIE_TIMESCALE, 1 << 16, 0x0100),
        UNITY_MATRIX,
        struct.pack(">24xI", next_track_id),
    )


def _track(track: Track) -> bytes:
    """trak (ISO/IEC 14496-12, 8.3.1)."""
    return box(
        b"trak",
        _track_header(track),
        *([_edit_list(track.priming)] if track.priming else []),
        box(
            b"mdia",
            full_box(
                b"mdhd", 0, 0, struct.pack(">8xI4xH2x", track.timescale, UNDETERMINED_LANGUAGE)
            ),
            full_box(b"hdlr", 0, 0, struct.pack(">4x4s12xx", track.handler)),
            box(b"minf", track.media_header(), _data_information(), _sample_table(track)),
        ),
    )


def _track_header(track: Track) -> bytes:
    """tkhd (ISO/IEC 14496-12, 8.3.2)."""
    enabled_and_in_movie = 3
    return full_box(
        b"tkhd",
        0,
        enabled_and_in_movie,
        struct.pack(">8xI8x8xHHH2x", track.track_id, 0, 0, track.volume),
        UNITY_MATRIX,
        struct.pack(">II", track.width << 16, track.height << 16),
    )


def _edit_list(skipped: int) -> bytes:
    """edts with elst (ISO/IEC 14496-12, 8.6.5, 8.6.6): the track is shown from its tick `skipped`
    on, at normal speed. A duration of 0 is that of all fragments to come."""
    entry = struct.pack(">IIiI", 1, 0, skipped, 1 << 16)
    return box(b"edts", full_box(b"elst", 0, 0, entry))


def _data_information() -> bytes:
    """dinf (ISO/IEC 14496-12, 8.7.1): the samples are in this same file."""
    in_this_file = 1
    reference = full_box(b"url ", 0, in_this_file)
    return box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), reference))


def _sample_table(track: Track) -> bytes:
    """stbl (ISO/IEC 14496-12, 8.5.1) of a moov that holds no samples itself."""
    return box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), track.sample_entry()),
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )


def _track_extends(track: Track) -> bytes:
    """trex (ISO/IEC 14496-12, 8.8.3): samples will come in fragments, with values of their own."""
    return full_box(b"trex", 0, 0, struct.pack(">II12x", track.track_id, 1))


def _movie_fragment(sequence_number: int, runs: Sequence[Run], payload_offset: int) -> bytes:
    """moof (ISO/IEC 14496-12, 8.8.4). `payload_offset`: of the first sample, from moof's start."""
    parts = [full_box(b"mfhd", 0, 0, struct.pack(">I", sequence_number))]
    for run in runs:
        parts.append(_track_fragment(run, payload_offset))
        payload_offset += sum(len(sample.payload) for sample in run.samples)
    return box(b"moof", *parts)


def _track_fragment(run: Run, payload_offset: int) -> bytes:
    """traf with tfhd, tfdt and trun (ISO/IEC 14496-12, 8.8.6, 8.8.7, 8.8.12, 8.8.8)."""
    rows = (
        struct.pack(
            ">III",
            sample.duration,
            len(sample.payload),
            SYNC_SAMPLE if sample.sync else NON_SYNC_SAMPLE,
        )
        for sample in run.samples
    )
    return box(
        b"traf",
        full_box(b"tfhd", 0, DEFAULT_BASE_IS_MOOF, struct.pack(">I", run.track_id)),
        full_box(b"tfdt", 1, 0, struct.pack(">Q", run.decode_time)),
        full_box(
            b"trun",
            0,
            DATA_OFFSET | DURATION | SIZE | FLAGS,
            struct.pack(">Ii", len(run.samples), payload_offset),
            *rows,
        ),
    )
