/** `window.matinee`: for tests and the curious; changing it changes nothing. */

const EVENTS_KEPT = 1000;
const events = [];

/** The continuation state in a message may have megabytes: of these none is kept here. */
export function log(type, { state: _state, ...detail }) {
  events.push({ at: performance.now(), type, ...detail });
  if (events.length > EVENTS_KEPT) events.shift();
}

/** `problemNow()`: what is wrong at the moment, or null. */
export function expose(session, media, problemNow) {
  const { video } = media;
  Object.defineProperty(window, "matinee", {
    value: Object.freeze({
      get state() {
        const { phase, queue, gpu, format, bytes, saved, requests } = session;
        const { ahead, ranges, pending, gapsJumped, rebuilds, moving } = media;
        const segments = session.segments.map((segment) => ({ ...segment }));
        const plain = { phase, queue, gpu, format, bytes, segments, requests: requests.length };
        const player = { currentTime: video.currentTime, paused: video.paused, moving };
        const buffer = { ahead, ranges, pending, gapsJumped, rebuilds };
        return { ...plain, ...player, ...buffer, saved: Boolean(saved), problem: problemNow() };
      },
      get events() {
        return events.map((event) => ({ ...event }));
      },
    }),
  });
}
