/** The settings sheet: what it holds, in the words of the protocol. */

const NUMBERS = {
  seed: "set-seed",
  num_inference_steps: "set-steps",
  guidance_scale: "set-guidance",
  num_frames: "set-frames",
};

const SWITCHES = {
  auto_extension_updated: ["set-extend", "enabled"],
  loop_generation_updated: ["set-loop", "enabled"],
  generation_paused_updated: ["set-paused", "paused"],
};

const byId = (id) => document.getElementById(id);

export class Settings {
  /** `onMessage(message)` is given what the server has to be told of a change. */
  constructor(onMessage) {
    for (const [type, [id, field]] of Object.entries(SWITCHES)) {
      byId(id).addEventListener("change", ({ target }) => {
        onMessage({ type, [field]: target.checked });
      });
    }
    byId("set-curated").addEventListener("change", () => {
      onMessage({ type: "seed_prompts_updated", seed_prompts: this.curated });
    });
  }

  /** What a request says about itself; fields left empty are left out. */
  get sampling() {
    const filled = Object.entries(NUMBERS).filter(([, id]) => {
      const input = byId(id);
      return input.value !== "" && input.validity.valid;
    });
    const sampling = Object.fromEntries(filled.map(([name, id]) => [name, byId(id).valueAsNumber]));
    const negative = byId("set-negative").value.trim();
    return negative ? { ...sampling, negative_prompt: negative } : sampling;
  }

  get curated() {
    return byId("set-curated")
      .value.split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
  }

  get paused() {
    return byId("set-paused").checked;
  }

  /** The fields of `session_init_v2` that come from here. */
  get init() {
    return {
      ...this.sampling,
      curated_prompts: this.curated,
      auto_extension_enabled: byId("set-extend").checked,
      loop_generation_enabled: byId("set-loop").checked,
    };
  }
}
