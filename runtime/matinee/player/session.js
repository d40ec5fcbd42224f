/**
 * One viewer's stream as the server tells it: messages in, plain fields out.
 *
 * No DOM, no socket and no clock of its own (`now` is handed in). The segments and the saved state
 * outlive a connection, so that the video can go on in a new one.
 */

import { Seat } from "./seat.js";

const SEGMENTS_KEPT = 500;
const PARAMS_OF_REQUESTS = new Set([
  "prompt",
  "negative_prompt",
  "seed",
  "num_inference_steps",
  "guidance_scale",
  "num_frames",
]);

let lastKey = 0;

const HANDLERS = {
  queue_status: "onQueueStatus",
  gpu_assigned: "onGpuAssigned",
  ltx2_stream_start: "onStreamStart",
  ltx2_segment_start: "onSegmentStart",
  step_complete: "onStep",
  media_segment_complete: "onMediaComplete",
  ltx2_segment_complete: "onSegmentComplete",
  segment_cancelled: "onSegmentCancelled",
  continuation_state_snapshot: "onSnapshot",
  ltx2_stream_complete: "onStreamComplete",
  error: "onError",
};

export class Session {
  constructor(now = () => performance.now()) {
    this.now = now;
    /** The last segments of this page, oldest first. */
    this.segments = [];
    /** Requests that the server has not begun, oldest first. */
    this.requests = [];
    /** What the video began with: `width`, `height` and `initial_image`, those that were chosen. */
    this.opening = {};
    /** The last continuation state the server gave, for a connection that begins a new session. */
    this.saved = null;
    /** What lets the next connection go on with this one's session. */
    this.seat = new Seat();
    this.bytes = 0;
    /** Of the last connection too. */
    this.fps = 0;
    this.reset();
  }

  /** A new connection begins. A request that was running goes back to the head of the line. */
  reset() {
    if (this.running) {
      this.finish(this.running, "lost");
      this.requests.unshift(this.running.request);
    }
    /** connecting -> queued -> ready <-> making -> ended */
    this.phase = "connecting";
    /** The model is still being loaded: found out by the page, the protocol does not tell. */
    this.warming = false;
    this.queue = null;
    this.gpu = null;
    this.format = null;
    this.running = null;
    /** The last error that belongs to no request; it may be why the connection ends. */
    this.error = null;
    /** Why the server ended the stream, once it has said so. */
    this.ending = null;
    this.snapshotAsked = false;
    /** The server was told to make no more for the moment. */
    this.rested = false;
  }

  get open() {
    return this.phase === "ready" || this.phase === "making";
  }

  /** Note a request and return it; the caller sends `segment_prompt_source` when `open`. */
  ask(prompt, { automatic = false, settings = {} } = {}) {
    const id = Math.random().toString(36).slice(2); // randomUUID is missing on plain http
    const request = { id, prompt, automatic, settings, askedAt: this.now() };
    this.requests.push(request);
    return request;
  }

  /** Forget a request that was never begun. */
  drop(requestId) {
    this.requests = this.requests.filter((request) => request.id !== requestId);
  }

  /** What the viewer asked for and waits: what was just sent to an idle server begins at once. */
  waiting(paused) {
    const requests = this.requests.filter((request) => !request.automatic);
    return this.phase === "ready" && !paused ? requests.slice(1) : requests;
  }

  /** Forget the past: the next connection starts a new video. */
  startAfresh(opening) {
    this.reset();
    this.opening = opening;
    this.saved = null;
    this.seat.forget();
    this.requests = [];
  }

  /** What the next connection starts from. `frames`: of the session's video that the page has. */
  start(frames) {
    const resume = this.seat.resume(frames);
    const place = this.seat.queueToken ? { queue_token: this.seat.queueToken } : {};
    return resume
      ? { ...place, resume }
      : { ...place, ...this.opening, continuation_state: this.saved };
  }

  /** Requests that the server does not know of. */
  get unsent() {
    return this.requests.filter((request) => !this.seat.held.has(request.id));
  }

  /** Let the next connection go on after a segment, beside the video that is there. */
  branchAfter(segment) {
    this.reset();
    this.requests = [];
    this.seat.branch = { index: segment.index, sessionId: segment.sessionId };
  }

  canBranch(segment) {
    const ofIt = (one) => one.status === "done" && one.sessionId === segment.sessionId;
    const newest = this.segments.findLast(ofIt);
    return newest !== undefined && this.seat.keeps(segment, newest.index);
  }

  receive(message) {
    const handler = HANDLERS[message.type];
    if (handler) this[handler](message);
  }

  /** Video arrived. `mediaStart`: place of the fragment in the video, null for an init segment. */
  received(size, mediaStart) {
    this.bytes += size;
    const segment = this.running;
    if (!segment || mediaStart === null) return;
    segment.bytes += size;
    segment.fragments += 1;
    if (segment.fragments > 1) return;
    segment.mediaStart = mediaStart;
    segment.firstPictureMs = this.now() - segment.beganAt;
  }

  onQueueStatus(message) {
    if (this.open) return;
    this.phase = "queued";
    this.seat.queueToken = message.queue_token ?? this.seat.queueToken;
    this.queue = {
      position: message.position,
      depth: message.queue_depth,
      etaSeconds: message.eta_seconds ?? null,
    };
  }

  onGpuAssigned(message) {
    this.seat.take(message);
    if (message.resumed) this.settleCutOff(message.resumed.segment_idx);
    if (message.resumed) this.askAgain(message.resumed.segment_idx);
    this.queue = { position: 0, depth: 0, etaSeconds: null };
    this.phase = "queued"; // until the stream starts
    this.gpu = {
      id: message.gpu_id,
      model: message.model_id ?? null,
      sessionId: message.session_id ?? null,
      timeoutSeconds: message.session_timeout,
    };
  }

  onStreamStart({ width, height, fps, num_frames: frames }) {
    this.phase = "ready";
    this.queue = null;
    this.format = { width, height, fps, frames };
    this.fps = fps;
  }

  onSegmentStart(message) {
    const request = this.takeRequest(message);
    const again = this.cutOff(message.segment_idx, request);
    if (again) {
      this.running = Object.assign(again, { status: "making", step: 0, etaMs: null });
    } else {
      this.running = this.newSegment(message, request);
      this.segments.push(this.running);
      if (this.segments.length > SEGMENTS_KEPT) this.segments.shift();
    }
    this.phase = "making";
    this.error = null;
  }

  /** What the connection was lost behind: the page has all video of a segment before `next`, where the
   * server goes on, and has missed only the word that it is done. It is not asked for again. */
  settleCutOff(next) {
    const whole = this.segments.findLast(
      (one) =>
        one.status === "lost" && one.index < next && one.sessionId === this.seat.sessionId,
    );
    if (!whole) return;
    whole.status = "done";
    this.drop(whole.request.id);
  }

  /** A server that died may have made more than it had saved. `next`: the segment that it goes on
   * with; later ones are made once more, and what the page has of them is not sent again. */
  askAgain(next) {
    const lost = this.segments.filter(
      (one) =>
        one.status === "done" &&
        one.index >= next &&
        one.sessionId === this.seat.sessionId &&
        one.request.id !== null,
    );
    for (const one of lost) one.status = "lost";
    this.requests.unshift(...lost.map((one) => one.request));
  }

  /** The segment that a lost connection cut off, where the session was resumed and goes on with it. */
  cutOff(index, request) {
    if (!this.seat.resumed) return undefined;
    return this.segments.findLast(
      (one) =>
        one.status === "lost" &&
        one.index === index &&
        one.sessionId === this.seat.sessionId &&
        one.request.id === request.id,
    );
  }

  newSegment(message, request) {
    return {
      /** Its number in the reel. Indexes begin anew with each connection. */
      key: ++lastKey,
      request,
      index: message.segment_idx,
      sessionId: this.seat.sessionId,
      prompt: message.prompt,
      source: message.source ?? null,
      seed: message.seed ?? null,
      status: "making",
      step: 0,
      totalSteps: message.total_steps,
      etaMs: null,
      bytes: 0,
      fragments: 0,
      mediaStart: null,
      /** When the wait for this segment began: when it was asked for or could first be made. */
      beganAt: Math.max(request.askedAt, this.lastFinishedAt ?? 0),
      firstPictureMs: null,
      generationMs: null,
      durationMs: null,
    };
  }

  /** The request behind a segment; the server may also begin one by itself. */
  takeRequest({ request_id: id, prompt }) {
    const known = this.requests.find((request) => request.id === id);
    if (known) this.drop(known.id);
    return known ?? { id: id ?? null, prompt, automatic: true, settings: {}, askedAt: this.now() };
  }

  onStep({ segment_idx: index, step, total_steps: totalSteps, eta_ms: etaMs }) {
    if (this.running?.index !== index) return;
    Object.assign(this.running, { step, totalSteps, etaMs: etaMs ?? null });
  }

  onMediaComplete({ segment_idx: index, duration_ms: durationMs }) {
    if (this.running?.index === index) this.running.durationMs = durationMs ?? null;
  }

  onSegmentComplete({ segment_idx: index, generation_time_ms: generationMs }) {
    if (this.running?.index !== index) return;
    this.running.generationMs = generationMs;
    this.finish(this.running, "done");
  }

  onSegmentCancelled({ request_id: requestId, segment_idx: index }) {
    if (requestId) this.drop(requestId);
    if (this.running?.index === index) this.finish(this.running, "cancelled");
  }

  finish(segment, status) {
    segment.status = status;
    this.lastFinishedAt = this.now();
    if (status === "lost") return;
    this.running = null;
    if (this.phase === "making") this.phase = "ready";
  }

  onSnapshot({ state }) {
    this.saved = state;
    this.opening = { ...this.opening, initial_image: undefined }; // the state holds it
    this.snapshotAsked = false;
  }

  onStreamComplete({ reason }) {
    this.phase = "ended";
    this.ending = reason;
    // Who is turned away before a session is there has the one of the connection before as yet.
    if (this.gpu) this.seat.over = reason !== "drained" && reason !== "timeout";
  }

  /** The request that an error refuses, null when it is about something else. A message that is
   * refused before it is read to its end has no id: the newest one must be meant. */
  refusedBy({ code, retryable, request_id: id, param }) {
    if (code === "upstream_timeout" || (code === "worker_failed" && retryable)) return null;
    if (this.running && this.running.request.id === id) return this.running.request;
    if (id) return this.requests.find((request) => request.id === id) ?? null;
    return this.open && PARAMS_OF_REQUESTS.has(param) ? (this.requests.at(-1) ?? null) : null;
  }

  /** An error of one request ends that request; others may be why the connection ends. After a
   * retryable `worker_failed` the server closes. */
  onError(received) {
    const { code, message, retryable, param, retry_after_seconds: after } = received;
    const refused = this.refusedBy(received);
    this.snapshotAsked = false;
    if (param?.startsWith("continuation_state")) this.saved = null;
    if (param?.startsWith("resume")) this.seat.refused(param);
    if (code === "upstream_timeout" || param === "seed_prompt") return;
    if (this.running && this.running.request === refused) this.finish(this.running, "failed");
    else if (refused) this.drop(refused.id);
    else if (!received.request_id || code === "worker_failed") {
      this.error = { code, message, retryable, param, retryAfterSeconds: after ?? null };
    }
  }
}
