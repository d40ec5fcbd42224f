/** The video's bytes as they came, kept for saving: all of it, or one clip. */

import { decodeTime, delayed, sameBytes, timescale, withDuration } from "./mp4.js";
import { fileName } from "./words.js";

/** Older clips are given up beyond this: a page that plays all day takes no more. */
const MOST_BYTES = 256 * 2 ** 20;

export class Recording {
  constructor() {
    /** One for each segment, oldest first: `{segment, init, place, source, fragments}`. */
    this.clips = [];
    this.bytes = 0;
    /** The last segment that was given up. */
    this.givenUp = null;
  }

  /** A fragment of a segment. `init`, `place` and `source` are those of the `Media` it went to. */
  add(segment, fragment, { init, place, source }) {
    if (segment === this.givenUp) return; // without its begin the rest cannot be decoded
    if (this.clips.at(-1)?.segment !== segment) {
      this.clips.push({ segment, init, place, source, fragments: [] });
    }
    this.clips.at(-1).fragments.push(fragment);
    this.bytes += fragment.byteLength;
    while (this.bytes > MOST_BYTES) this.giveUpOldest();
  }

  giveUpOldest() {
    const oldest = this.clips.shift();
    this.bytes -= sizeOf(oldest);
    this.givenUp = oldest.segment;
  }

  /** Seconds of the video that can be saved, where that is not all of it; else null. */
  get secondsLeft() {
    if (this.givenUp === null) return null;
    return this.clips.reduce((sum, { segment }) => sum + (segment.durationMs ?? 0), 0) / 1000;
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
  // One after the other, so that there is no copy of all of them at once.
  const parts = clips.map(
    ({ fragments, place }) =>
      new Blob(fragments.map((one) => delayed(one, place.offset - begin, init))),
  );
  const head = end === null ? init : withDuration(init, end);
  return new Blob([head, ...parts], { type: "video/mp4" });
}

/** Let the browser save it. */
function download(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // when it has surely begun
}
