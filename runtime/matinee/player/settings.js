/** The settings sheet: what it holds, in the words of the protocol, and what the server allows. */

import { setText } from "./reel.js";

const NUMBERS = {
  seed: "set-seed",
  num_inference_steps: "set-steps",
  guidance_scale: "set-guidance",
  num_frames: "set-frames",
};

/** What holds for a whole video. */
const SIZE = { width: "set-width", height: "set-height" };

const SWITCHES = {
  enhancement_updated: ["set-enhance", "enabled"],
  auto_extension_updated: ["set-extend", "enabled"],
  loop_generation_updated: ["set-loop", "enabled"],
  generation_paused_updated: ["set-paused", "paused"],
};

const byId = (id) => document.getElementById(id);

export class Settings {
  /** `pass`: for what is asked over HTTP. `onMessage(message)` is given what the server has to be
   * told of a change. */
  constructor(pass, onMessage) {
    this.pass = pass;
    for (const [id, message] of this.changes()) {
      byId(id).addEventListener("change", () => onMessage(message()));
    }
    byId("settings").addEventListener("input", () => this.check());
  }

  /** Of each setting that a session may be told later: its input and what to say. */
  changes() {
    const switches = Object.entries(SWITCHES).map(([type, [id, field]]) => [
      id,
      () => ({ type, [field]: byId(id).checked }),
    ]);
    const curated = () => ({ type: "seed_prompts_updated", seed_prompts: this.curated });
    return [["set-curated", curated], ...switches];
  }

  /** For a session that goes on: what may have been changed while there was no connection. */
  get now() {
    return this.changes().map(([, message]) => message());
  }

  /** Ask what the model can do. A server that does not say leaves the fields as wide as they are. */
  async askForLimits() {
    const answer = await fetch(new URL("v1/models", document.baseURI), {
      headers: this.pass.headers,
    }).catch(() => null);
    if (!answer?.ok) return;
    const { data } = await answer.json();
    if (data?.[0]?.limits && data[0].defaults) this.limit(data[0]);
  }

  /** `model`: as `/v1/models` describes it. */
  limit({ limits, defaults, prompts }) {
    for (const id of ["enhance", "rewrite"]) byId(id).hidden = !prompts?.enhancement;
    const side = { min: limits.size_multiple, step: limits.size_multiple };
    const frames = { min: limits.min_frames, max: limits.max_frames, step: limits.frame_multiple };
    const ranges = {
      "set-width": { ...side, placeholder: defaults.width },
      "set-height": { ...side, placeholder: defaults.height },
      "set-frames": { ...frames, placeholder: defaults.num_frames },
      "set-steps": { max: limits.max_steps, placeholder: defaults.num_inference_steps },
      "set-guidance": { max: limits.max_guidance_scale, placeholder: defaults.guidance_scale },
    };
    for (const [id, range] of Object.entries(ranges)) {
      for (const [name, value] of Object.entries(range)) {
        if (value !== null && value !== undefined) byId(id).setAttribute(name, value);
      }
    }
    this.maxPixels = limits.max_pixels ?? Infinity;
    this.defaults = defaults;
    this.check();
  }

  /** Say how long the frames play, and whether width and height go together. */
  check() {
    if (!this.defaults) return;
    const { width, height, num_frames: frames, fps } = this.defaults;
    const valueOf = (id, otherwise) => byId(id).valueAsNumber || otherwise;
    const seconds = valueOf("set-frames", frames) / fps;
    setText(byId("set-length"), `${seconds.toFixed(1)} s`);
    const pixels = valueOf("set-width", width) * valueOf("set-height", height);
    const problem = `Width × height may be ${this.maxPixels} at most.`;
    byId("set-height").setCustomValidity(pixels > this.maxPixels ? problem : "");
  }

  /** The first field that cannot be sent, and why; null when there is none. */
  mistake() {
    const input = byId("settings").querySelector("input:invalid");
    if (!input) return null;
    const [label] = input.labels;
    const name = (label.querySelector("span") ?? label).firstChild.textContent.trim();
    return `${name}: ${input.validationMessage}`;
  }

  /** What a request says about itself; fields left empty are left out. */
  get sampling() {
    const sampling = numbersOf(NUMBERS);
    const negative = byId("set-negative").value.trim();
    return negative ? { ...sampling, negative_prompt: negative } : sampling;
  }

  /** What a new video is to be like. */
  get size() {
    return numbersOf(SIZE);
  }

  get curated() {
    return byId("set-curated")
      .value.split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
  }

  /** The server makes one segment after the other without being asked. */
  get goesOn() {
    return byId("set-extend").checked || byId("set-loop").checked;
  }

  /** Tells the server, too. */
  set enhances(wanted) {
    byId("set-enhance").checked = wanted;
    byId("set-enhance").dispatchEvent(new Event("change"));
  }

  get paused() {
    return byId("set-paused").checked;
  }

  /** The fields of `session_init_v2` that come from here. */
  get init() {
    return {
      ...this.sampling,
      curated_prompts: this.curated,
      enhancement_enabled: byId("set-enhance").checked,
      auto_extension_enabled: byId("set-extend").checked,
      loop_generation_enabled: byId("set-loop").checked,
    };
  }
}

/** Numbers that are filled in and can be sent. `ids`: of the inputs, by the protocol's names. */
function numbersOf(ids) {
  const filled = Object.entries(ids)
    .map(([name, id]) => [name, byId(id)])
    .filter(([, input]) => input.value !== "" && input.validity.valid);
  return Object.fromEntries(filled.map(([name, input]) => [name, input.valueAsNumber]));
}
