/** What the page shows: reads the session and the player, writes the DOM, decides nothing. */

import { EXAMPLES, picture } from "./examples.js";
import { setText } from "./reel.js";
import * as words from "./words.js";

const byId = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class View {
  constructor() {
    this.video = byId("video");
    this.glow = byId("glow").getContext("2d");
    this.frameTimes = [];
    this.lastGlow = 0;
    this.noteTimer = null;
    if (this.video.requestVideoFrameCallback) this.watchFrames();
  }

  /** Count painted frames and let the picture's light fall on the stage around it. */
  watchFrames() {
    this.video.requestVideoFrameCallback((now) => {
      this.frameTimes.push(now);
      this.paintGlow(now);
      this.watchFrames();
    });
  }

  paintGlow(now) {
    if (now - this.lastGlow < (calm.matches ? 2000 : 100)) return;
    this.lastGlow = now;
    const { width, height } = this.glow.canvas;
    this.glow.filter = "blur(2px)";
    this.glow.drawImage(this.video, -2, -2, width + 4, height + 4);
  }

  /** Frames painted a second, lately. */
  paintedFps(now) {
    const window = 2000;
    this.frameTimes = this.frameTimes.filter((time) => now - time < window);
    if (this.frameTimes.length < 2) return null;
    const span = this.frameTimes.at(-1) - this.frameTimes[0];
    return ((this.frameTimes.length - 1) * 1000) / span;
  }

  addChips(onChoose) {
    for (const example of EXAMPLES) {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.title = example.prompt;
      chip.append(picture(example), example.label);
      chip.addEventListener("click", () => onChoose(example.prompt));
      byId("chips").append(chip);
    }
    new ResizeObserver(fitChips).observe(byId("chips").parentElement);
  }

  /** `status`: session, media, segment (that plays), problem, playing, stopped, generationPaused */
  render(status) {
    this.renderStage(status);
    this.renderDoing(status);
    this.renderStats(status);
  }

  renderStage({ session, segment, stopped }) {
    const empty = session.segments.every((one) => one.mediaStart === null);
    byId("stage").toggleAttribute("data-empty", empty);
    byId("stage").toggleAttribute("data-stopped", stopped);
    byId("controls").hidden = empty;
    byId("pause").setAttribute("aria-label", stopped ? "Play" : "Pause");
    byId("caption").hidden = !segment;
    if (segment) setText(byId("caption"), segment.prompt);
  }

  renderDoing({ session, ...status }) {
    const [what, more] = words.doing(session, status);
    setText(byId("doing"), what);
    setText(byId("doing-more"), more);
    const { running } = session;
    byId("cancel").hidden = !running;
    const progress = byId("progress");
    progress.value = running ? running.step / Math.max(1, running.totalSteps) : 0;
    progress.toggleAttribute("data-running", Boolean(running));
  }

  renderStats({ session, media, playing }) {
    const fps = playing ? this.paintedFps(performance.now()) : null;
    const timed = session.segments.findLast((one) => one.firstPictureMs !== null);
    const done = session.segments.findLast((one) => one.generationMs && one.durationMs);
    setText(byId("stat-fps"), fps ? `${fps.toFixed(0)} fps` : "–");
    setText(byId("stat-first"), words.milliseconds(timed?.firstPictureMs));
    setText(byId("stat-speed"), done ? words.speed(done) : "–");
    setText(byId("stat-buffer"), media.init ? `${media.ahead.toFixed(1)} s` : "–");
    setText(byId("stat-bytes"), session.bytes ? words.bytes(session.bytes) : "–");
  }

  /** The pill in the header: `tone` is ok, busy or bad. */
  link(tone, text) {
    byId("link").dataset.tone = tone;
    setText(byId("link-text"), text);
  }

  /** Show a problem over the stage, or take it away. */
  problem(problem, secondsToRetry = null) {
    byId("problem").hidden = !problem;
    if (!problem) return;
    const countdown =
      secondsToRetry === null ? "" : ` Next try in ${Math.ceil(secondsToRetry)} s.`;
    setText(byId("problem-title"), problem.title);
    setText(byId("problem-text"), problem.text);
    setText(byId("problem-detail"), problem.detail + countdown);
    setText(byId("problem-action"), problem.action ?? "");
    byId("problem-action").hidden = !problem.action;
    byId("key-form").hidden = !problem.asksForKey;
  }

  /** A line under the prompt box that goes away by itself. */
  note(text) {
    const note = byId("note");
    clearTimeout(this.noteTimer);
    setText(note, text);
    note.hidden = !text;
    if (text) this.noteTimer = setTimeout(() => this.note(""), 8000);
  }

  announce(text) {
    setText(byId("announce"), text);
  }

  /** The stream has begun: take its shape, and tell its facts in the settings. */
  streamBegan({ gpu, format }) {
    const screen = byId("screen");
    screen.style.setProperty("--aspect", format.width / format.height);
    screen.style.setProperty("--lines", format.height);
    screen.toggleAttribute("data-few-lines", format.height < 240);
    const seconds = format.frames / format.fps;
    setText(
      byId("server-facts"),
      `${gpu.model ?? "Model"} on GPU ${gpu.id}: ${format.width} × ${format.height}, ` +
        `${format.frames} frames (${seconds.toFixed(1)} s) a segment. ` +
        `The session ends after ${words.duration(gpu.timeoutSeconds)} without a prompt.`,
    );
  }
}

/** Show as many examples as one row holds, and cut none. */
function fitChips() {
  const chips = [...byId("chips").children];
  for (const chip of chips) chip.hidden = false;
  const rows = chips.map((chip) => chip.offsetTop);
  chips.forEach((chip, i) => {
    chip.hidden = rows[i] > rows[0];
  });
}
