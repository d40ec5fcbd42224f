/** Puts the page together: session, socket, player, view and keys. */

import { nextPrompt, rests } from "./ahead.js";
import { Connection, whyUnreachable } from "./connection.js";
import { Controls } from "./controls.js";
import { expose, log } from "./inspect.js";
import { watchKeys } from "./keys.js";
import { Media, unsupported } from "./media.js";
import { Pass } from "./pass.js";
import { Picture } from "./picture.js";
import { PromptBox } from "./prompt.js";
import { Recording } from "./recording.js";
import { Reel, setText } from "./reel.js";
import { Session } from "./session.js";
import { Settings } from "./settings.js";
import { Suggestions } from "./suggestions.js";
import { View } from "./view.js";
import { Waiting } from "./waiting.js";
import { laggingWords, linkWords, noteOfError, notesWords, saveWords } from "./words.js";
import { problem, problemOfEnd } from "./words.js";

const TICK_MS = 200;
const SLOW_OPENING_MS = 1500;
const REWRITES = 3;
const byId = (id) => document.getElementById(id);
const video = byId("video");

const session = new Session();
const view = new View();
const media = new Media(video, (name, detail) => stop(problem(name, detail)));
const box = new PromptBox(byId("prompt"));
const controls = new Controls(video);
const recording = new Recording();
const picture = new Picture((text) => view.note(text));
const waiting = new Waiting(byId("waiting"), takeBack);
const reel = new Reel(byId("reel"), {
  onReuse: reuse,
  onBranch: branch,
  onSave: (one) => recording.saveClip(one),
});
const suggestions = new Suggestions({ onOwn: useOwnWords, onChoose: choose });
const pass = new Pass(document.baseURI);
const settings = new Settings(pass, (message) => {
  session.rested = false; // it may be told otherwise now
  connection.send(message);
});
const streamUrl = new URL("v1/stream", document.baseURI);
streamUrl.protocol = streamUrl.protocol.replace("http", "ws");
const connection = new Connection(streamUrl, pass, { opened, message, binary, closed });

let stopped = false; // by the viewer
let current = null; // the problem on the stage

// The stream

function opened() {
  const start = session.start(media.framesHeld(session.fps));
  session.reset();
  connection.send({
    type: "session_init_v2",
    queue_token: undefined, // first, if there is one: routers look for it at the begin
    heartbeat: true,
    client_id: "matinee-player",
    ...settings.init,
    ...start,
  });
  setTimeout(async () => {
    if (session.phase !== "connecting") return;
    session.warming = (await whyUnreachable(document.baseURI, pass)) === "warming";
  }, SLOW_OPENING_MS);
}

function message(received) {
  log(received.type, received);
  if (received.type === "error") explain(received);
  if (received.type === "ltx2_segment_complete" && session.running) segmentDone();
  session.receive(received);
  if (received.type === "gpu_assigned" && !received.resumed) media.beginConnection();
  if (received.type === "media_init") {
    media.expectInit(received.mime);
    controls.expect(received.mime);
  }
  if (received.type === "ltx2_segment_start") suggestions.began(session.running);
  if (received.type === "seed_prompts_rewritten") suggestions.offer(received.alternatives);
  if (received.type === "queue_status") current = null;
  if (received.type === "ltx2_stream_start") started();
  if (received.notes) view.note(notesWords(received));
  if (received.type === "viewer_lagging") view.note(laggingWords(received));
  refresh();
}

/** An error that leaves the session open: say it below the prompt box, and give the prompt back. */
function explain(error) {
  const late = error.param === "segment_idx"; // what was to be cancelled had ended by itself
  if (!session.open || late) return;
  const refused = session.refusedBy(error);
  if (refused && !refused.automatic) box.giveBack(refused.prompt);
  view.note(noteOfError(error));
}

function started() {
  connection.settled();
  current = null;
  view.streamBegan(session);
  view.announce("Connected");
  if (session.seat.resumed) settings.now.forEach((change) => connection.send(change));
  else if (settings.paused) connection.send({ type: "generation_paused_updated", paused: true });
  session.unsent.forEach(send);
  settings.askForLimits();
}

/** Ask for a state to go on from, should the connection be lost. */
function segmentDone() {
  view.announce(`Segment ${session.running.key} is made`);
  if (session.snapshotAsked) return;
  session.snapshotAsked = connection.send({ type: "snapshot_state" });
}

function binary(bytes) {
  const mediaStart = media.take(bytes);
  session.received(bytes.byteLength, mediaStart);
  if (mediaStart === null) return;
  if (session.running) recording.add(session.running, bytes, media);
  play();
}

async function closed({ code, reason, wasOpen }) {
  log("closed", { code, reason });
  const unreachable = wasOpen ? null : await whyUnreachable(document.baseURI, pass);
  if (connection.socket) return; // the viewer was quicker
  const { ending, error } = session;
  const ended = problemOfEnd({ code, reason, ending, error, unreachable });
  session.reset();
  if (error?.param?.startsWith("initial_image")) return pictureRefused(ended);
  session.phase = "ended";
  current = ended;
  if (ended.retry) connection.retryLater(ended.retryAfter);
  view.announce(ended.title);
  refresh();
  if (ended.asksForKey) byId("key").focus();
}

/** Begin without it; the prompt that came along is the viewer's to send again. */
function pictureRefused({ detail }) {
  const [request] = session.requests;
  startAfresh(settings.size);
  if (request) box.giveBack(request.prompt);
  view.note(`The picture was not taken. ${detail}`);
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
  session.startAfresh(session.opening);
  session.phase = "ended";
  current = ended;
  refresh();
}

function startAfresh(opening) {
  session.startAfresh(opening);
  connect();
}

// What the viewer does

function submit(prompt) {
  const text = prompt.trim();
  const mistake = settings.mistake();
  if (mistake) view.note(mistake);
  if (!text || mistake) return;
  beginAnewIfAsked();
  for (const request of session.requests.filter((one) => one.automatic)) cancel(request.id);
  stopped = false;
  view.note("");
  box.sent(text);
  ask(text, false);
  if (session.phase === "ended") connect();
  play();
  refresh();
}

/** A picture, and another size, hold for a whole video: the prompt begins a new one. */
function beginAnewIfAsked() {
  const { width, height } = session.opening;
  const { size } = settings;
  if (!picture.image && size.width === width && size.height === height) return;
  startAfresh(picture.image ? { ...size, initial_image: picture.image } : size);
  picture.clear();
}

function ask(prompt, automatic) {
  const request = session.ask(prompt, { automatic, settings: settings.sampling });
  if (session.open) send(request);
}

function send({ id, prompt, automatic, settings: sampling }) {
  log("request", { request_id: id, prompt, automatic });
  connection.send({ type: "segment_prompt_source", request_id: id, prompt, ...sampling });
}

/** Esc and the button: stop what is made now, and stop asking for more. What waits comes next. */
function cancelRunning() {
  byId("keep-going").checked = false;
  if (session.running) {
    connection.send({ type: "segment_cancel", segment_idx: session.running.index });
  }
  for (const request of session.requests.filter((one) => one.automatic)) cancel(request.id);
  refresh();
}

function takeBack(request) {
  cancel(request.id);
  box.giveBack(request.prompt);
  box.input.focus();
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

/** Go on from a clip of the reel: a session of its own, whose video comes after what is there. */
function branch(segment) {
  session.branchAfter(segment);
  connect();
  box.input.focus();
}

/** Make the same once more, from the words that the viewer typed. */
function useOwnWords(prompt) {
  settings.enhances = false;
  submit(prompt);
}

/** Ask for other prompts in the place of the one in the box, or of the last one. */
function rewrite() {
  const prompt = box.input.value.trim() || session.segments.at(-1)?.request.prompt;
  if (!prompt) return view.note("Type a prompt first.");
  connection.send({ type: "rewrite_seed_prompts", seed_prompt: prompt, count: REWRITES });
}

function choose(prompt) {
  box.fill(prompt);
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
  const state = { playing: media.moving, stopped, problem: current, generationPaused: settings.paused };
  view.render({ session, media, segment, ...state });
  view.problem(current, connection.secondsToRetry);
  view.link(...linkWords(session, current));
  reel.render(session.segments, segment, {
    save: (one) => recording.has(one),
    branch: (one) => session.canBranch(one),
  });
  waiting.render(session.waiting(settings.paused));
  byId("save-all").hidden = recording.clips.length === 0;
  setText(byId("save-what"), saveWords(recording.secondsLeft));
  byId("reel-empty").hidden = session.segments.length > 0;
  if (segment) reel.picture(segment, video);
}

function restOrGoOn() {
  const rest = settings.goesOn && rests(session.rested, media.ahead);
  if (!session.open || rest === session.rested) return;
  session.rested = rest;
  log("rest", { rest });
  connection.send({ type: "generation_paused_updated", paused: rest || settings.paused });
}

function tick() {
  media.watch();
  restOrGoOn();
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

expose(session, media, () => current);
view.addChips(submit);
watchKeys(box, {
  submit,
  cancel: cancelRunning,
  togglePause,
  toggleSound: () => controls.toggleSound(),
  toggleFull: () => controls.toggleFull(),
});
byId("cancel").addEventListener("click", cancelRunning);
byId("save-all").addEventListener("click", () => recording.saveAll());
byId("pause").addEventListener("click", togglePause);
byId("rewrite").addEventListener("click", rewrite);
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  pass.take(byId("key").value.trim());
  connect();
});
byId("problem-action").addEventListener("click", () => {
  if (current.name === "decoder-failed") media.restart();
  connect();
});
byId("new-session").addEventListener("click", () => {
  byId("settings").close();
  startAfresh(settings.size);
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
