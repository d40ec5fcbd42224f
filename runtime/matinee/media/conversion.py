"""A recorded video becomes WebM, GIF or PNGs, by FFmpeg and a picture at a time."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.video.frame import PictureType
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream
from PIL import Image

from matinee.media.i420 import BT709
from matinee.media.stills import EXACT
from matinee.media.video_kinds import PICTURES, Kind
from matinee_api.limits import MAX_DIMENSION

VP9 = {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
OPUS_RATE = 48_000
MOST_PIXELS = MAX_DIMENSION**2
"""Of a picture of a recording, which is whatever a server sent."""
GIF_CLOCK = Fraction(1, 100)


def convert(recorded: io.FileIO, kind: Kind, path: Path) -> None:
    """`path`: of a file, or of an existing folder for `PICTURES`. What is cut off at the end of the
    recording is left out. Raises `OSError`, also of FFmpeg's own kinds."""
    recorded.seek(0)
    with av.open(cast(Any, recorded), "r") as source:
        source.streams.video[0].codec_context.options = {"max_pixels": str(MOST_PIXELS)}
        match kind:
            case Kind.WEBM:
                with av.open(str(path), "w", format="webm") as made:
                    _webm(source, made)
            case Kind.GIF:
                palette = _palette(source)
                source.seek(0)
                with av.open(str(path), "w", format="gif") as made:
                    _gif(source, palette, made)
            case _:
                _pictures(source, path)


def _pictures(source: InputContainer, folder: Path) -> None:
    for number, frame in enumerate(source.decode(video=0), 1):
        exact = frame.reformat(format="rgb24", interpolation=EXACT)
        Image.fromarray(exact.to_ndarray()).save(folder / (PICTURES % number))


def _webm(source: InputContainer, made: OutputContainer) -> None:
    video = source.streams.video[0]
    vp9 = _vp9(video, made)
    sound = next(iter(source.streams.audio), None)
    if sound is not None:
        opus = made.add_stream("libopus", rate=OPUS_RATE)
        opus.layout = sound.layout.name
        resampler = av.AudioResampler("s16", sound.layout.name, OPUS_RATE)
    for packet in source.demux():
        for frame in packet.decode():
            if isinstance(frame, av.VideoFrame):
                frame.pict_type = PictureType.NONE  # the encoder's own choice
                made.mux(vp9.encode(frame))
            elif sound is not None and isinstance(frame, av.AudioFrame):
                for one in resampler.resample(frame):
                    made.mux(opus.encode(one))
    made.mux(vp9.encode(None))
    if sound is not None:
        made.mux(opus.encode(None))


def _vp9(video: VideoStream, made: OutputContainer) -> VideoStream:
    stream = made.add_stream("libvpx-vp9", rate=video.average_rate, options=VP9)
    stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
    context = stream.codec_context
    context.gop_size = 2 * round(video.average_rate or 25)
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = ColorRange.MPEG
    return stream


def _palette(source: InputContainer) -> av.VideoFrame:
    """The 256 colours of the whole video."""
    graph = Graph()
    graph.link_nodes(
        graph.add_buffer(template=source.streams.video[0]),
        graph.add("palettegen"),
        graph.add("buffersink"),
    ).configure()
    for frame in source.decode(video=0):
        graph.push(frame)
    graph.push(None)
    return cast(av.VideoFrame, graph.pull())


def _gif(source: InputContainer, palette: av.VideoFrame, made: OutputContainer) -> None:
    video = source.streams.video[0]
    stream = made.add_stream("gif", rate=video.average_rate)
    stream.width, stream.height, stream.pix_fmt = video.width, video.height, "pal8"
    graph = Graph()
    pictures = graph.add_buffer(template=video)
    colours = graph.add_buffer(
        width=palette.width, height=palette.height, format=palette.format, time_base=GIF_CLOCK
    )
    use, sink = graph.add("paletteuse"), graph.add("buffersink")
    pictures.link_to(use, 0, 0)
    colours.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    colours.push(palette)
    colours.push(None)
    for frame in source.decode(video=0):
        pictures.push(frame)
        made.mux(stream.encode(cast(av.VideoFrame, graph.pull())))
    made.mux(stream.encode(None))
