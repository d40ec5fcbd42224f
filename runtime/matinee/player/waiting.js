/** The prompts that wait for their turn, each of which can be taken back. */

import { setText } from "./reel.js";

export class Waiting {
  /** `onTakeBack(request)`: the viewer does not want it made. */
  constructor(list, onTakeBack) {
    this.list = list;
    this.onTakeBack = onTakeBack;
    this.items = new Map();
  }

  /** `requests`: oldest first. */
  render(requests) {
    const ids = new Set(requests.map(({ id }) => id));
    for (const [id, item] of this.items) {
      if (ids.has(id)) continue;
      item.remove();
      this.items.delete(id);
    }
    for (const request of requests) {
      if (!this.items.has(request.id)) this.add(request);
    }
    this.list.hidden = requests.length === 0;
  }

  add(request) {
    const item = document.createElement("li");
    const prompt = document.createElement("span");
    const button = document.createElement("button");
    setText(prompt, request.prompt);
    button.type = "button";
    button.className = "icon";
    button.title = "Take it back";
    button.setAttribute("aria-label", `Take back: ${request.prompt}`);
    button.append(document.getElementById("cross").content.cloneNode(true));
    button.addEventListener("click", () => this.onTakeBack(request));
    item.append(prompt, button);
    this.list.append(item);
    this.items.set(request.id, item);
  }
}
