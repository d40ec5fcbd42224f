/** The video's bytes as they came, kept for saving: all of it, or one clip. */

import { decodeTime, delayed, sameBytes, timescale, withDuration } from "./mp4.js";
import { fileName } from "./words.js";

/** Older clips are given up beyond this. */
const MOST_BYTES = 256 * 2 ** 20;

export class Recording {
  constructor() {
    /** One for each segment, oldest first: `{segment, init, place, source, fragments}`. */
    this.clips = [];
    this.bytes = 0;
  }

  /** A fragment of a segment. `init`, `place` and `source` are those of the `Media` it went to. */
  add(segment, fragment, { init, place, source }) {
    if (this.clips.at(-1)?.segment !== segment) {
      this.clips.push({ segment, init, place, source, fragments: [] });
    }
    this.clips.at(-1).fragments.push(fragment);
    this.bytes += fragment.byteLength;
    while (this.bytes > MOST_BYTES && this.clips.length > 1) {
      this.bytes -= sizeOf(this.clips.shift());
    }
  }

  has(segment) {
    return this.clips.some((clip) => clip.segment === segment);
  }

  /** One segment as a file that starts at 0. */
  clip(segment) {
    return fileOf(this.clips.filter((clip) => clip.segment === segment));
  }

  saveClip(segment) {
    download(this.clip(segment), fileName(segment.prompt, segment.key));
  }

  saveAll() {
    for (const file of this.all()) download(file, fileName(""));
  }

  /** The whole video: one file, or several where its size changed. */
  all() {
    const files = [];
    for (const clip of this.clips) {
      const before = files.at(-1)?.at(-1);
      if (before?.source === clip.source && sameBytes(before.init, clip.init)) {
        files.at(-1).push(clip);
      } else files.push([clip]);
    }
    return files.map(fileOf);
  }
}

function sizeOf({ fragments }) {
  return fragments.reduce((sum, one) => sum + one.byteLength, 0);
}

/** Clips of one init segment, each at its place in the video. */
function fileOf(clips) {
  const { init } = clips[0];
  const startOf = ({ fragments: [first], place }) =>
    decodeTime(first) / timescale(init) + place.offset;
  const begin = startOf(clips[0]);
  const last = clips.at(-1);
  const { durationMs } = last.segment;
  const end = durationMs === null ? null : startOf(last) - begin + durationMs / 1000;
  const fragments = clips.flatMap(({ fragments, place }) =>
    fragments.map((one) => delayed(one, place.offset - begin, init)),
  );
  const head = end === null ? init : withDuration(init, end);
  return new Blob([head, ...fragments], { type: "video/mp4" });
}

/** Let the browser save it. */
function download(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // when it has surely begun
}
