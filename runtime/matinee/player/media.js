/**
 * Fragments in, video out: one SourceBuffer in `segments` mode over all segments and connections.
 *
 * Appends are queued, because a SourceBuffer takes one at a time. The fragments of a new connection
 * are placed behind what is buffered, so the picture goes on where it was. The element itself holds
 * the last picture when nothing is left and goes on when more arrives.
 */

import { decodeTime, frameCount, sameBytes, timescale } from "./mp4.js";

const KEEP_BEHIND_S = 30;
const TRIM_STEP_S = 10;
/** Rounding between segments is no gap. */
const TOLERANCE_S = 0.02;
/** With more than this buffered ahead a standstill is the decoder's, not a hole's. */
const DECODING_S = 1;
const HAVE_FUTURE_DATA = 3;
const MOST_REBUILDS = 3;
const H264 = 'video/mp4; codecs="avc1.42c00d"';

const Source = globalThis.MediaSource ?? globalThis.ManagedMediaSource;

/** Why this browser cannot play, in a word; null when it can. */
export function unsupported() {
  if (!Source) return "no-media-source";
  return Source.isTypeSupported(H264) ? null : "no-codec";
}

export class Media {
  /** `onFailure(name, detail)` is told when the browser refuses the video for good. */
  constructor(video, onFailure) {
    this.video = video;
    this.onFailure = onFailure;
    this.gapsJumped = 0;
    this.rebuilds = 0;
    /** The picture moved between the last two calls of `watch`. */
    this.moving = false;
    video.disableRemotePlayback = true; // ManagedMediaSource insists on it
    for (const event of ["waiting", "timeupdate", "stalled"]) {
      video.addEventListener(event, () => this.jumpGap());
    }
    video.addEventListener("error", () => this.rebuild());
    this.clear();
  }

  clear() {
    this.queue = [];
    this.mime = null;
    this.init = null;
    this.buffer = null;
    this.source = null;
    this.beginConnection();
  }

  /** The fragments that follow come from a new connection, whose clock may start anywhere. */
  beginConnection() {
    /** Where its clock lies on the timeline: `{offset}` in seconds, exact once it is buffered. */
    this.place = null;
    this.lastTime = -1;
    this.lastFrames = 0;
    this.initNext = false;
  }

  /** `media_init`: the next binary message is an init segment of this type. */
  expectInit(mime) {
    this.initNext = true;
    this.nextMime = mime;
    this.skipToSegment = false;
  }

  /** Take one binary message. Returns the media time of a new fragment, else null. */
  take(bytes) {
    if (this.initNext) {
      this.initNext = false;
      this.takeInit(bytes);
      return null;
    }
    const ticks = decodeTime(bytes);
    const duplicate = ticks === null || ticks <= this.lastTime;
    if (duplicate || this.skipToSegment || !this.init) return null;
    this.lastTime = ticks;
    this.lastFrames = frameCount(bytes);
    const time = ticks / this.timescale;
    if (!this.place) this.placeAt(time);
    this.enqueue(() => this.buffer.appendBuffer(bytes));
    return time + this.place.offset;
  }

  takeInit(bytes) {
    if (sameBytes(bytes, this.init) && this.mime === this.nextMime) return;
    const changedType = this.mime !== null && this.mime !== this.nextMime;
    this.init = bytes;
    this.mime = this.nextMime;
    this.timescale = timescale(bytes) ?? 1000;
    if (!this.source) this.open();
    this.enqueue(() => {
      if (changedType) this.buffer.changeType(this.mime);
      this.buffer.appendBuffer(bytes);
    });
  }

  /** Decide where this connection's clock lies on the timeline: at the end of what is there. */
  placeAt(time) {
    const place = { offset: this.end() - time };
    this.place = place;
    this.enqueue(() => {
      // What was queued before this is buffered now, so the end is known exactly.
      place.offset = this.end() - time;
      this.buffer.timestampOffset = place.offset;
    });
  }

  open() {
    const source = new Source();
    this.source = source;
    const url = URL.createObjectURL(source);
    this.video.src = url;
    source.addEventListener("sourceopen", () => URL.revokeObjectURL(url), { once: true });
    source.addEventListener("sourceopen", () => this.opened(source), { once: true });
  }

  opened(source) {
    if (source !== this.source) return; // given up meanwhile
    if (!Source.isTypeSupported(this.mime)) {
      this.onFailure("no-codec", this.mime);
      return;
    }
    source.duration = Infinity;
    this.buffer = source.addSourceBuffer(this.mime);
    this.buffer.mode = "segments";
    this.buffer.addEventListener("updateend", () => this.afterUpdate());
    this.pump();
  }

  enqueue(action) {
    this.queue.push(action);
    this.pump();
  }

  /** Run queued actions until one makes the buffer busy. */
  pump() {
    while (this.buffer && !this.buffer.updating && this.queue.length > 0) {
      try {
        this.queue[0]();
        this.queue.shift();
      } catch (error) {
        if (error.name === "QuotaExceededError" && this.trim(2)) return;
        this.rebuild();
        return;
      }
    }
  }

  afterUpdate() {
    this.jumpGap();
    if (this.queue.length === 0) this.trim(KEEP_BEHIND_S);
    this.pump();
  }

  /** Drop what was watched more than `keep` seconds ago. True when there was something to drop. */
  trim(keep) {
    const ranges = this.buffer.buffered;
    const until = this.video.currentTime - keep;
    const slack = keep === KEEP_BEHIND_S ? TRIM_STEP_S : 0;
    if (ranges.length === 0 || until - ranges.start(0) <= slack) return false;
    this.buffer.remove(0, until);
    return true;
  }

  /** When the picture stands still before a hole, such as frames that the server skipped, go on
   * behind it. */
  jumpGap() {
    const { video } = this;
    if (video.readyState >= HAVE_FUTURE_DATA || video.seeking) return;
    const now = video.currentTime;
    const here = this.ranges.find(([start, end]) => start <= now && now <= end);
    const next = this.ranges.find(([start]) => start > now + TOLERANCE_S);
    if (!next || (here && here[1] - now > DECODING_S)) return;
    video.currentTime = next[0];
    this.gapsJumped += 1;
  }

  /** Look whether it plays. An element may say that it does while it stands still. */
  watch() {
    const { currentTime } = this.video;
    this.moving = !this.video.paused && currentTime !== this.watchedTime;
    this.watchedTime = currentTime;
  }

  /** The decoder gave up: start a new source at the next segment, which begins with a keyframe. */
  rebuild() {
    const { init, mime } = this;
    this.rebuilds += 1;
    if (this.rebuilds > MOST_REBUILDS || !init) {
      this.onFailure("decoder-failed", this.video.error?.message ?? "");
      return;
    }
    this.clear();
    this.nextMime = mime;
    this.takeInit(init);
    this.skipToSegment = true;
  }

  /** Try with a new source after `onFailure`. */
  restart() {
    this.rebuilds = 0;
    this.clear();
  }

  /** How many frames of the session's video are here, which has `fps` a second. */
  framesHeld(fps) {
    if (this.lastTime < 0) return 0;
    return Math.round((this.lastTime * fps) / this.timescale) + this.lastFrames;
  }

  /** How much of what was taken is not buffered so far. */
  get pending() {
    return this.queue.length + (this.buffer?.updating ? 1 : 0);
  }

  /** Where the buffered video ends, in seconds. */
  end() {
    const ranges = this.video.buffered;
    return ranges.length > 0 ? ranges.end(ranges.length - 1) : 0;
  }

  /** Seconds that can still be shown without more data. */
  get ahead() {
    return Math.max(0, this.end() - this.video.currentTime);
  }

  get ranges() {
    const { buffered } = this.video;
    return Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
  }
}
