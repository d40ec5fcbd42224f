/**
 * The WebSocket, opened again with growing pauses when it is lost.
 *
 * It knows nothing of what the messages mean: the owner says after each end whether to try again.
 */

const FIRST_DELAY_S = 0.5;
const LONGEST_DELAY_S = 20;
/** Who sends heartbeats and leaves out so many is gone. */
const MISSED_BEATS = 3;

/** Seconds until try number `attempt` (from 1): doubling, with jitter so that viewers spread out. */
export function retryDelay(attempt, random = Math.random) {
  const full = Math.min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (attempt - 1));
  return full * (0.75 + random() * 0.5);
}

/** Why a WebSocket could not be opened, which the browser does not tell: ask over HTTP. `pass`: what
 * this page may show. */
export async function whyUnreachable(base, pass) {
  try {
    const answer = await fetch(new URL("readyz", base), { cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) return "unauthorized";
    if (answer.status === 503) return (await answer.json()).draining ? "restarting" : "warming";
    if (!answer.ok) return "unreachable";
    return (await pass.isRefused()) ? "unauthorized" : "refused";
  } catch {
    return "unreachable";
  }
}

export class Connection {
  /** `pass`: with a key it gives subprotocols. `handlers`: opened(), message(object),
   * binary(ArrayBuffer), closed({code, reason, wasOpen}). */
  constructor(url, pass, handlers) {
    this.url = url;
    this.pass = pass;
    this.handlers = handlers;
    /** Tells the newest opening from those that were given up. */
    this.opening = 0;
    this.attempt = 0;
    this.socket = null;
    this.timer = null;
    this.retryAt = null;
    /** Looks whether anything came since the last heartbeats were due. */
    this.watch = null;
    this.missed = 0;
  }

  open() {
    this.cancelRetry();
    this.opening += 1;
    if (this.pass.key) this.openWithTicket(this.opening);
    else this.openWith([]);
  }

  async openWithTicket(opening) {
    const protocols = await this.pass.protocols().catch(() => null);
    if (opening !== this.opening) return;
    if (protocols) this.openWith(protocols);
    else this.handlers.closed({ code: 1006, reason: "", wasOpen: false });
  }

  openWith(protocols) {
    const socket = new WebSocket(this.url, protocols);
    let wasOpen = false;
    const ended = ({ code, reason }) => {
      if (socket !== this.socket) return;
      this.letGo();
      this.handlers.closed({ code, reason, wasOpen });
    };
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      wasOpen = true;
      this.handlers.opened();
    };
    socket.onmessage = ({ data }) => {
      this.missed = 0;
      if (typeof data !== "string") return this.handlers.binary(data);
      const message = JSON.parse(data);
      if (message.type !== "heartbeat") return this.handlers.message(message);
      if (socket === this.socket) this.expectBeats(message.seconds, () => {
        ended({ code: 1006, reason: "silent" });
        socket.close(); // which nobody will answer
      });
    };
    socket.onclose = ended;
    this.socket = socket;
  }

  /** The other end says something every so many seconds. A machine that vanishes closes nothing, and
   * the browser would wait for a quarter of an hour. What is counted are turns of this page, not
   * time: after a sleep it has messages to read first. */
  expectBeats(seconds, gone) {
    if (this.watch !== null || !(seconds > 0)) return;
    this.watch = setInterval(() => {
      this.missed += 1;
      if (this.missed > MISSED_BEATS) gone();
    }, seconds * 1000);
  }

  letGo() {
    clearInterval(this.watch);
    this.watch = null;
    this.missed = 0;
    this.socket = null;
  }

  /** Send when there is a connection; true when it was taken. */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Close without telling the owner. */
  close() {
    this.cancelRetry();
    this.opening += 1;
    const { socket } = this;
    this.letGo();
    socket?.close(1000);
  }

  retryIn(seconds) {
    this.cancelRetry();
    this.retryAt = performance.now() + seconds * 1000;
    this.timer = setTimeout(() => this.open(), seconds * 1000);
  }

  /** `afterSeconds`: when the server wishes to be asked again, if it said so. */
  retryLater(afterSeconds) {
    if (afterSeconds) return this.retryIn(afterSeconds);
    this.attempt += 1;
    this.retryIn(retryDelay(this.attempt));
  }

  /** The connection is of use: the next loss starts with a short pause again. */
  settled() {
    this.attempt = 0;
  }

  get secondsToRetry() {
    return this.retryAt === null ? null : Math.max(0, (this.retryAt - performance.now()) / 1000);
  }

  cancelRetry() {
    clearTimeout(this.timer);
    this.timer = null;
    this.retryAt = null;
  }
}
