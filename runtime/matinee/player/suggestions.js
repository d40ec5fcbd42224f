/** Prompts beside the viewer's own: what the server made of one, and others to choose from. */

import { setText } from "./reel.js";

const byId = (id) => document.getElementById(id);

export class Suggestions {
  /** `onOwn(prompt)`: the viewer rather wants its own words; `onChoose(prompt)`: one of the others. */
  constructor({ onOwn, onChoose }) {
    this.own = null;
    this.onChoose = onChoose;
    byId("use-own").addEventListener("click", () => {
      const { own } = this;
      this.began(null);
      onOwn(own);
    });
  }

  /** `segment`: that begins. What was made of its prompt shows until the next one. */
  began(segment) {
    const enhanced = segment?.source === "enhanced" && segment.prompt !== segment.request.prompt;
    this.own = enhanced ? segment.request.prompt : null;
    byId("enhanced").hidden = !enhanced;
    if (enhanced) setText(byId("enhanced-text"), segment.prompt);
  }

  offer(prompts) {
    const chips = prompts.map((prompt) => {
      const chip = document.createElement("button");
      chip.type = "button";
      setText(chip, prompt);
      chip.addEventListener("click", () => {
        this.offer([]);
        this.onChoose(prompt);
      });
      return chip;
    });
    byId("rewrites").replaceChildren(...chips);
    byId("rewrites").hidden = chips.length === 0;
  }
}
