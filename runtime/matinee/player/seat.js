/**
 * The right to go on with a session in another connection, or to branch from one of its segments.
 *
 * No DOM, no socket. The server gives a new token with each connection; the old one is then of no use.
 */

/** The server keeps so many of the last segments, unless it is told otherwise. */
const SEGMENTS_KEPT = 8;

export class Seat {
  constructor() {
    this.forget();
  }

  /** There is nothing to go on with: the next connection begins a session. */
  forget() {
    this.sessionId = null;
    this.token = null;
    /** The server has ended the session: only its segments are still of use. */
    this.over = false;
    /** The segment that the next connection is to branch after. */
    this.branch = null;
    /** This connection went on with a session. */
    this.resumed = false;
    /** Ids of the requests that the server still has from an earlier connection. */
    this.held = new Set();
  }

  /** `gpu_assigned` */
  take({ session_id: sessionId, resume_token: token, resumed }) {
    this.forget();
    this.sessionId = sessionId ?? null;
    this.token = token ?? null;
    this.resumed = Boolean(resumed);
    this.held = new Set(resumed?.requests);
  }

  /** What the next connection asks for; null where it has to begin anew. `frames`: of the session's
   * video that the page has. */
  resume(frames) {
    if (!this.token) return null;
    const who = { session_id: this.sessionId, token: this.token };
    if (this.branch !== null) return { ...who, segment: this.branch, fork: true };
    return this.over ? null : { ...who, frames };
  }

  /** The server did not take what the last connection asked for. */
  refused(param) {
    if (param === "resume.segment" && this.branch !== null) this.branch = null;
    else this.forget();
  }

  /** Whether the server most likely keeps the state after a segment. `newest`: the last index. */
  keeps({ status, index, sessionId }, newest) {
    return (
      status === "done" &&
      this.token !== null &&
      sessionId === this.sessionId &&
      index > newest - SEGMENTS_KEPT
    );
  }
}
