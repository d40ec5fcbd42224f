/** When "Keep going" asks for the next segment, and when a server that goes on by itself rests. */

const LEAST_AHEAD_S = 0.5;
const REACTION_S = 0.25;
const REST_S = 60;
const GO_ON_S = 30;

/**
 * How many seconds of video should be left when the next segment is asked for: twice what the last
 * one took. More would only make a changed prompt show later.
 */
export function wantedAhead(lastMadeInMs) {
  if (lastMadeInMs === null) return LEAST_AHEAD_S;
  return Math.max(LEAST_AHEAD_S, REACTION_S + (2 * lastMadeInMs) / 1000);
}

/** The prompt to send now so that the video never stops, or null. */
export function nextPrompt({ keepGoing, hidden, paused, session, ahead }) {
  if (!keepGoing || hidden || paused || session.phase !== "ready") return null;
  if (session.requests.length > 0) return null;
  const last = session.segments.at(-1);
  if (!last || last.status !== "done") return null;
  return ahead <= wantedAhead(last.generationMs) ? last.request.prompt : null;
}

/** Whether a server that makes one segment after the other should rest: browsers hold only so much
 * that is still to be played. `rested`: it does already. */
export function rests(rested, ahead) {
  return ahead > (rested ? GO_ON_S : REST_S);
}
