/** Puts the page together: session, socket, player, view and keys. */

import { nextPrompt } from "./ahead.js";
import { Connection, whyUnreachable } from "./connection.js";
import { watchKeys } from "./keys.js";
import { Media, unsupported } from "./media.js";
import { PromptBox } from "./prompt.js";
import { Reel } from "./reel.js";
import { Session } from "./session.js";
import { Settings } from "./settings.js";
import { View } from "./view.js";
import { laggingWords, noteOfError, problem, problemOfEnd } from "./words.js";

const TICK_MS = 200;
const SLOW_OPENING_MS = 1500;
const EVENTS_KEPT = 1000;
const byId = (id) => document.getElementById(id);
const video = byId("video");

const events = [];
const session = new Session();
const view = new View();
const media = new Media(video, (name, detail) => stop(problem(name, detail)));
const box = new PromptBox(byId("prompt"));
const reel = new Reel(byId("reel"), reuse);
const settings = new Settings((message) => connection.send(message));
const streamUrl = new URL("v1/stream", document.baseURI);
streamUrl.protocol = streamUrl.protocol.replace("http", "ws");
const connection = new Connection(streamUrl, { opened, message, binary, closed });

let stopped = false; // by the viewer
let current = null; // the problem on the stage

// The stream

function opened() {
  session.reset();
  media.beginConnection();
  connection.send({
    type: "session_init_v2",
    client_id: "matinee-player",
    ...settings.init,
    continuation_state: session.saved,
  });
  setTimeout(async () => {
    if (session.phase !== "connecting") return;
    session.warming = (await whyUnreachable(document.baseURI)) === "warming";
  }, SLOW_OPENING_MS);
}

function message(received) {
  log(received.type, received);
  if (received.type === "error") explain(received);
  session.receive(received);
  if (received.type === "media_init") media.expectInit(received.mime);
  if (received.type === "queue_status") current = null;
  if (received.type === "ltx2_stream_start") started();
  if (received.type === "ltx2_segment_complete") segmentDone(received);
  if (received.type === "viewer_lagging") view.note(laggingWords(received));
  refresh();
}

/** An error that leaves the session open: say it below the prompt box. */
function explain(error) {
  const late = error.param === "segment_idx"; // what was to be cancelled had ended by itself
  if (session.open && !late) view.note(noteOfError(error));
}

function started() {
  connection.settled();
  current = null;
  view.streamBegan(session);
  view.announce("Connected");
  if (settings.paused) connection.send({ type: "generation_paused_updated", paused: true });
  session.requests.forEach(send);
}

/** Ask for a state to go on from, should the connection be lost. */
function segmentDone({ segment_idx: index }) {
  view.announce(`Segment ${index + 1} is made`);
  if (session.snapshotAsked) return;
  session.snapshotAsked = connection.send({ type: "snapshot_state" });
}

function binary(bytes) {
  const mediaStart = media.take(bytes);
  session.received(bytes.byteLength, mediaStart);
  if (mediaStart !== null) play();
}

async function closed({ code, reason, wasOpen }) {
  log("closed", { code, reason });
  const unreachable = wasOpen ? null : await whyUnreachable(document.baseURI);
  if (connection.socket) return; // the viewer was quicker
  const { ending, error } = session;
  const ended = problemOfEnd({ code, reason, ending, error, unreachable });
  session.reset();
  session.phase = "ended";
  current = ended;
  if (ended.retry) tryAgain(ended.retryAfter);
  view.announce(ended.title);
  refresh();
}

function tryAgain(afterSeconds) {
  if (afterSeconds) connection.retryIn(afterSeconds);
  else connection.retryLater();
}

function connect() {
  current = null;
  connection.close();
  session.reset();
  connection.open();
  refresh();
}

function stop(ended) {
  connection.close();
  session.startAfresh();
  session.phase = "ended";
  current = ended;
  refresh();
}

function startAfresh() {
  session.startAfresh();
  connect();
}

// What the viewer does

function submit(prompt) {
  const text = prompt.trim();
  if (!text) return;
  for (const request of session.requests.filter((one) => one.automatic)) cancel(request.id);
  stopped = false;
  view.note("");
  box.sent(text);
  ask(text, false);
  if (session.phase === "ended") connect();
  play();
  refresh();
}

function ask(prompt, automatic) {
  const request = session.ask(prompt, { automatic, settings: settings.sampling });
  if (session.open) send(request);
}

function send({ id, prompt, automatic, settings: sampling }) {
  log("request", { request_id: id, prompt, automatic });
  connection.send({ type: "segment_prompt_source", request_id: id, prompt, ...sampling });
}

/** Esc and the button: stop what is made now, and stop asking for more. */
function cancelAll() {
  byId("keep-going").checked = false;
  if (session.running) {
    connection.send({ type: "segment_cancel", segment_idx: session.running.index });
  }
  for (const request of session.requests) cancel(request.id);
  refresh();
}

function cancel(requestId) {
  connection.send({ type: "segment_cancel", request_id: requestId });
  session.drop(requestId);
}

function reuse(segment) {
  box.fill(segment.request.prompt);
  box.input.focus();
}

function togglePause() {
  stopped = !stopped;
  if (stopped) video.pause();
  else play();
  refresh();
}

function play() {
  if (stopped || !video.paused || !media.init) return;
  video.play().catch((error) => {
    if (error.name !== "NotAllowedError") return;
    stopped = true; // the browser wants a tap first: the play button shows
    refresh();
  });
}

// The page

function playingSegment() {
  const now = video.currentTime + 0.01;
  return session.segments.findLast((one) => one.mediaStart !== null && one.mediaStart <= now);
}

function refresh() {
  const segment = playingSegment() ?? null;
  const playing = !video.paused && media.ahead > 0.05;
  const state = { playing, stopped, problem: current, generationPaused: settings.paused };
  view.render({ session, media, segment, ...state });
  view.problem(current, connection.secondsToRetry);
  view.link(...linkWords());
  reel.render(session.segments, segment);
  byId("reel-empty").hidden = session.segments.length > 0;
  if (segment) reel.picture(segment, video);
}

function linkWords() {
  if (current?.retry) return ["busy", "Reconnecting"];
  if (current) return ["bad", "Not connected"];
  if (session.phase === "connecting") return ["busy", "Connecting"];
  if (session.phase === "queued") return ["busy", "Waiting"];
  return ["ok", "Connected"];
}

function tick() {
  const prompt = nextPrompt({
    keepGoing: byId("keep-going").checked,
    hidden: document.hidden,
    paused: stopped || settings.paused,
    session,
    ahead: media.ahead,
  });
  if (prompt) ask(prompt, true);
  refresh();
}

function log(type, detail) {
  events.push({ at: performance.now(), type, ...detail });
  if (events.length > EVENTS_KEPT) events.shift();
}

/** For tests and the curious; changing it changes nothing. */
Object.defineProperty(window, "matinee", {
  value: Object.freeze({
    get state() {
      const { phase, queue, gpu, format, bytes, saved, requests } = session;
      const { ahead, ranges, gapsJumped, rebuilds } = media;
      const segments = session.segments.map((segment) => ({ ...segment }));
      const plain = { phase, queue, gpu, format, bytes, segments, requests: requests.length };
      const player = { currentTime: video.currentTime, paused: video.paused, ahead, ranges };
      return { ...plain, ...player, gapsJumped, rebuilds, saved: Boolean(saved), problem: current };
    },
    get events() {
      return events.map((event) => ({ ...event }));
    },
  }),
});

view.addChips(submit);
watchKeys(box, { submit, cancel: cancelAll, togglePause });
byId("cancel").addEventListener("click", cancelAll);
byId("pause").addEventListener("click", togglePause);
byId("problem-action").addEventListener("click", () => {
  if (current.name === "decoder-failed") media.restart();
  connect();
});
byId("new-session").addEventListener("click", () => {
  byId("settings").close();
  startAfresh();
});
document.addEventListener("visibilitychange", tick);
// Not on a touch screen, where it would bring up the keyboard.
if (matchMedia("(hover: hover)").matches) box.input.focus();

const missing = unsupported();
if (missing) {
  session.phase = "ended";
  current = problem(missing);
} else {
  connection.open();
}
setInterval(tick, TICK_MS);
refresh();
