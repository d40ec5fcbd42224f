/**
 * The key of a server that wants one, and what it is shown for: tickets.
 *
 * A page can set no header of a WebSocket. So it asks for a ticket over HTTP, with the key in a header,
 * and offers that, which opens one stream and is worth nothing afterwards.
 */

const SAVED_AS = "matinee-key";

export class Pass {
  constructor(base) {
    this.base = base;
    this.key = saved();
  }

  /** As long as this tab lives; "" forgets it. */
  take(key) {
    this.key = key;
    try {
      if (key) sessionStorage.setItem(SAVED_AS, key);
      else sessionStorage.removeItem(SAVED_AS);
    } catch {
      // A browser may forbid it: the key is asked for again when the page is loaded again.
    }
  }

  /** For what is asked over HTTP. */
  get headers() {
    return this.key ? { authorization: `Bearer ${this.key}` } : {};
  }

  /** Subprotocols to open the next stream with; throws where there is no ticket to be had. */
  async protocols() {
    const { status, ticket } = await this.ask();
    if (ticket) return ["matinee", `matinee.ticket.${ticket}`];
    if (status === 404 || status === 405) return []; // it wants no key
    throw new Error(`no ticket: ${status}`);
  }

  /** Whether the server wants a key, and not the one that is here. */
  async isRefused() {
    const { status } = await this.ask().catch(() => ({ status: 0 }));
    return status === 401 || status === 403;
  }

  async ask() {
    const request = { method: "POST", headers: this.headers, cache: "no-store" };
    const answer = await fetch(new URL("v1/tickets", this.base), request);
    return { status: answer.status, ticket: answer.ok ? (await answer.json()).ticket : null };
  }
}

function saved() {
  try {
    return sessionStorage.getItem(SAVED_AS) ?? "";
  } catch {
    return "";
  }
}
