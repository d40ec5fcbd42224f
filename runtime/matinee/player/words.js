/** Everything the page says about states and problems, in one place. Pure functions. */

const PROBLEMS = {
  "no-media-source": {
    title: "This browser cannot play live video",
    text: "It lacks Media Source Extensions. A current Chrome, Edge, Firefox or Safari has them.",
  },
  "no-codec": {
    title: "This browser cannot decode the video",
    text: "The stream is H.264, which this build of the browser does not play. Chrome, Edge, Safari and most Firefox builds do.",
  },
  "decoder-failed": {
    title: "The browser stopped decoding the video",
    text: "It refused the stream several times. A new video usually helps.",
    action: "Start a new video",
  },
  unreachable: {
    title: "The server can’t be reached",
    text: "It may be stopped or restarting, or the network is down. Your video goes on when it is back.",
    action: "Try now",
    retry: true,
  },
  lost: {
    title: "The connection was lost",
    text: "Your video goes on from its last state as soon as the server answers.",
    action: "Try now",
    retry: true,
  },
  restarting: {
    title: "The server is restarting",
    text: "Your video goes on from its last state when it is back.",
    action: "Try now",
    retry: true,
  },
  warming: {
    title: "The model is warming up",
    text: "The server is loading its weights and tries them once. This can take a minute.",
    action: "Try now",
    retry: true,
  },
  refused: {
    title: "The server refused the stream",
    text: "It is running but took no connection from this page. Perhaps its address is not among the allowed ones.",
    action: "Try again",
    retry: true,
  },
  unauthorized: {
    title: "You are not allowed in",
    text: "The server asks for a key. It stays in this tab, and is sent to this server alone.",
    asksForKey: true,
  },
  session_rejected: {
    title: "The house is full",
    text: "Every seat is taken and so is the waiting line.",
    action: "Try now",
    retry: true,
  },
  gpu_unavailable: {
    title: "No GPU is free",
    text: "None became free in time. The page asks again by itself.",
    action: "Try now",
    retry: true,
  },
  worker_failed: {
    title: "The model stopped working",
    text: "The server could not go on with this session. Your prompts are still here.",
    action: "Try again",
  },
  preset_mismatch: {
    title: "The server does not know this preset",
    text: "It offers others than the one this page asked for.",
    action: "Try again",
  },
  invalid_message: {
    title: "The server did not accept the session",
    text: "Something in the settings is out of range. Change it and start again.",
    action: "Start again",
  },
  not_kept: {
    title: "The server no longer keeps that",
    text: "Too much has come after it, or too much time has passed. The page goes on with what there is.",
    action: "Go on now",
    retry: true,
  },
  internal_error: {
    title: "Something broke on the server",
    text: "It is not your prompt’s fault.",
    action: "Start again",
  },
  too_big: {
    title: "A message was too large",
    text: "The server refused it.",
    action: "Start again",
  },
  segment_cap: {
    title: "That was the last segment of this session",
    text: "The server limits how long one session may be. A new one can go on from here.",
    action: "Go on in a new session",
  },
  timeout: {
    title: "The session ended for want of a prompt",
    text: "Send another prompt and the video goes on from here.",
    action: "Go on",
  },
  session_taken_over: {
    title: "This video goes on elsewhere",
    text: "Another page or window has resumed it.",
    action: "Start from here",
  },
  stop_requested: { title: "The stream has ended", text: "", action: "Go on" },
};

const BY_CLOSE_CODE = {
  1003: "invalid_message",
  1008: "invalid_message",
  1009: "too_big",
  1011: "internal_error",
  1013: "session_rejected",
};

/** Close codes whose reason is a sentence and not a name. */
const REASONS_FOR_PEOPLE = new Set([1008, 1009]);

/** What a lost connection means: `{name, title, text, detail, action, retry, retryAfter}`. */
export function problemOfEnd({ code, reason, ending, error, unreachable }) {
  const name = nameOfEnd({ code, ending, error, unreachable });
  const words = PROBLEMS[name] ?? PROBLEMS.internal_error;
  const detail = error ? inOurWords(error) : REASONS_FOR_PEOPLE.has(code) ? reason : "";
  // A refused state is forgotten: without it the server may begin another session.
  const forgotten = error?.param?.startsWith("continuation_state");
  const retry = words.retry || forgotten;
  return { name, ...words, detail, retry, retryAfter: error?.retryAfterSeconds ?? null };
}

function nameOfEnd({ code, ending, error, unreachable }) {
  if (code === 1012 || ending === "drained") return "restarting";
  if (error?.param?.startsWith("resume")) return "not_kept";
  if (error && BY_CLOSE_CODE[code]) return error.code;
  if (unreachable) return unreachable;
  if (ending && ending !== "error") return ending;
  return BY_CLOSE_CODE[code] ?? (code === 1000 ? "stop_requested" : "lost");
}

export function problem(name, detail = "") {
  return { name, ...PROBLEMS[name], detail };
}

/** Fields of the protocol, as the settings call them. */
const FIELDS = {
  num_inference_steps: "Steps",
  guidance_scale: "Guidance",
  num_frames: "Frames",
  negative_prompt: "What to keep away from",
  width: "Width",
  height: "Height",
  seed: "Seed",
  "initial_image.data": "Picture",
  "initial_image.mime": "Picture",
  initial_image: "Picture",
};

/** A server's sentence with the fields called as they are here. Words of prose stay. */
function inOurWords({ message = "", param }) {
  const named = FIELDS[param] && message.startsWith(param);
  const ours = named ? FIELDS[param] + message.slice(param.length) : message;
  const unlikeProse = Object.entries(FIELDS).filter(([theirs]) => theirs.includes("_"));
  return unlikeProse.reduce((text, [theirs, field]) => text.replaceAll(theirs, field), ours);
}

/** An error that belongs to one prompt, as a line under the prompt box. */
export function noteOfError(error) {
  const { code } = error;
  const message = inOurWords(error);
  if (code === "prompt_blocked") return `This prompt was blocked. ${message}`;
  if (error.param === "seed_prompt") return `No other prompts: ${message}`;
  if (code === "upstream_timeout") return "The prompt was not enhanced in time; it is used as it is.";
  if (code === "worker_failed") return `This one was not made: ${message}`;
  return message;
}

/** What of a prompt has no effect, as the server tells it when the segment begins. */
export function notesWords({ notes }) {
  const sentences = notes.map((note) => inOurWords({ message: note }));
  return sentences.map((text) => `${text[0].toUpperCase()}${text.slice(1)}.`).join(" ");
}

export function laggingWords({ skipped_ms: skipped }) {
  return `The connection is slow: ${milliseconds(skipped)} of video were skipped.`;
}

/** The pill in the header: `[tone, text]`. */
export function linkWords({ phase }, problem) {
  if (problem?.retry) return ["busy", "Reconnecting"];
  if (problem) return ["bad", "Not connected"];
  if (phase === "connecting") return ["busy", "Connecting"];
  if (phase === "queued") return ["busy", "Waiting"];
  return ["ok", "Connected"];
}

/** The two lines that say what the server is doing: `[what, more]`. */
export function doing(session, { problem, playing, stopped, generationPaused }) {
  const { running, queue } = session;
  if (problem) return [problem.title, waitingWords(session)];
  if (session.phase === "connecting") {
    return [session.warming ? PROBLEMS.warming.title : "Connecting…", waitingWords(session)];
  }
  if (session.phase === "queued") return [queueWords(queue), etaWords(queue.etaSeconds)];
  if (running) return [stepWords(running), `${waitingBefore(session)}${running.prompt}`];
  if (generationPaused) return ["Generation is paused", waitingWords(session)];
  if (session.requests.length > 0) return ["Sent", session.requests[0].prompt];
  if (stopped) return ["Paused", modelWords(session)];
  return [playing ? "Playing" : "Ready for a prompt", modelWords(session)];
}

function waitingWords({ requests }) {
  if (requests.length === 0) return "";
  return requests.length === 1 ? "1 prompt waits" : `${requests.length} prompts wait`;
}

function waitingBefore(session) {
  return session.requests.length > 0 ? `${waitingWords(session)} · ` : "";
}

/** Position 0 is next; a depth of 0 means that nobody waits. */
function queueWords({ position, depth }) {
  if (depth === 0) return "Taking a seat…";
  return position === 0 ? "Next in the queue" : `Queued: ${position} ahead of you`;
}

function etaWords(seconds) {
  return seconds === null ? "" : `about ${duration(seconds)}`;
}

function stepWords({ step, totalSteps, etaMs, key }) {
  const left = etaMs > 1000 ? `, ${duration(etaMs / 1000)} left` : "";
  const steps = step > 0 ? `step ${step} of ${totalSteps}${left}` : "starting";
  return `Segment ${key}: ${steps}`;
}

function modelWords({ gpu, format }) {
  if (!format) return "";
  const size = `${format.width} × ${format.height}, ${format.fps} frames a second`;
  return gpu?.model ? `${gpu.model}, ${size}` : size;
}

export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return `${Math.round(seconds / 60)} min`;
}

export function milliseconds(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
}

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  const units = ["kB", "MB", "GB"];
  const power = Math.min(units.length, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** power;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[power - 1]}`;
}

/** How fast a segment was made, against how long it plays. */
export function speed({ durationMs, generationMs }) {
  const ratio = durationMs / generationMs;
  return `${ratio.toFixed(ratio < 10 ? 1 : 0)}×`;
}

/** The button that saves the video. `secondsLeft`: of it, null when all of it is there. */
export function saveWords(secondsLeft) {
  return secondsLeft === null ? "Save video" : `Save the last ${duration(secondsLeft)}`;
}

/** What a saved file is called: the segment's number, when it is one, and how its prompt begins. */
export function fileName(prompt, number = null) {
  const words = prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const name = ["matinee", ...(number === null ? [] : [number]), ...words].join("-");
  return `${[...name].slice(0, 60).join("")}.mp4`;
}
