/**
 * The right to go on with a session in another connection, or to branch from one of its segments.
 *
 * No DOM, no socket. The server gives a new token with each connection; the old one is then of no use.
 */

/** The server keeps so many of the last segments, unless it is told otherwise. */
const SEGMENTS_KEPT = 8;
const SESSIONS_KEPT = 16;

export class Seat {
  constructor() {
    /** The tokens of this page's sessions by their ids: each can be branched from. */
    this.tokens = new Map();
    this.forget();
  }

  /** There is nothing to go on with: the next connection begins a session. */
  forget() {
    this.sessionId = null;
    this.token = null;
    /** The server has ended the session: only its segments are still of use. */
    this.over = false;
    /** The segment that the next connection is to branch after: `{index, sessionId}`. */
    this.branch = null;
    /** This connection went on with a session. */
    this.resumed = false;
    /** Ids of the requests that the server still has from an earlier connection. */
    this.held = new Set();
    /** Of the place in the queue: who says it has the place back. */
    this.queueToken = null;
  }

  /** `gpu_assigned` */
  take({ session_id: sessionId, resume_token: token, resumed }) {
    this.forget();
    this.sessionId = sessionId ?? null;
    this.token = token ?? null;
    if (sessionId && token) this.note(sessionId, token);
    this.resumed = Boolean(resumed);
    this.held = new Set(resumed?.requests);
  }

  note(sessionId, token) {
    this.tokens.delete(sessionId); // so that the first one is the oldest
    this.tokens.set(sessionId, token);
    if (this.tokens.size > SESSIONS_KEPT) this.tokens.delete(this.tokens.keys().next().value);
  }

  /** What the next connection asks for; null where it has to begin anew. `frames`: of the session's
   * video that the page has. */
  resume(frames) {
    if (this.branch !== null) {
      const { index, sessionId } = this.branch;
      const token = this.tokens.get(sessionId);
      return { session_id: sessionId, token, segment: index, fork: true };
    }
    if (!this.token || this.over) return null;
    return { session_id: this.sessionId, token: this.token, frames };
  }

  /** The server did not take what the last connection asked for. A branch that cannot be leaves the
   * page's own session, which the next connection goes on with. */
  refused(param) {
    const { branch } = this;
    this.branch = null;
    if (branch === null) this.forget();
    else if (param !== "resume.segment") this.tokens.delete(branch.sessionId);
  }

  /** Whether the server most likely keeps the state after a segment. `newest`: the last index of
   * its session. */
  keeps({ status, index, sessionId }, newest) {
    return status === "done" && this.tokens.has(sessionId) && index > newest - SEGMENTS_KEPT;
  }
}
