/** The list of segments: prompt, seed, timings, and a small picture taken while each one plays. */

import { milliseconds } from "./words.js";

const MOST_SHOWN = 60;
const PICTURE_AFTER_S = 0.4;
const STATUS = { making: "being made", cancelled: "cancelled", failed: "failed", lost: "cut off" };

export class Reel {
  /** `onReuse(segment)`: the viewer chose a segment; `onSave(segment)`: and wants its video. */
  constructor(list, { onReuse, onSave }) {
    this.list = list;
    this.onReuse = onReuse;
    this.onSave = onSave;
    this.cards = new Map();
  }

  /** `playing`: the segment that is shown; `canSave(segment)`: its video is still here. */
  render(segments, playing, canSave) {
    for (const segment of segments.slice(-MOST_SHOWN)) {
      const card = this.cards.get(segment.key) ?? this.add(segment);
      this.fill(card, segment, segment === playing);
      card.save.hidden = segment.status === "making" || !canSave(segment);
    }
    for (const [key, card] of this.cards) {
      if (this.cards.size <= MOST_SHOWN) break;
      card.item.remove();
      this.cards.delete(key);
    }
  }

  add(segment) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const thumb = document.createElement("canvas");
    const prompt = document.createElement("strong");
    const facts = document.createElement("small");
    button.type = "button";
    button.className = "card";
    button.title = "Use this prompt again";
    button.addEventListener("click", () => this.onReuse(segment));
    thumb.width = thumb.height = 72;
    thumb.setAttribute("aria-hidden", "true");
    button.append(thumb, prompt, facts);
    const save = this.saveButton(segment);
    item.append(button, save);
    this.list.prepend(item);
    const card = { item, save, thumb, prompt, facts, pictured: false };
    this.cards.set(segment.key, card);
    return card;
  }

  saveButton(segment) {
    const save = document.createElement("button");
    save.type = "button";
    save.className = "icon";
    save.title = "Save this clip";
    save.setAttribute("aria-label", `Save clip ${segment.key}`);
    save.append(document.getElementById("down").content.cloneNode(true));
    save.addEventListener("click", () => this.onSave(segment));
    return save;
  }

  fill(card, segment, playing) {
    setText(card.prompt, segment.prompt);
    setText(card.facts, factsOf(segment));
    card.item.dataset.status = segment.status;
    card.item.toggleAttribute("data-playing", playing);
    card.item.toggleAttribute("data-pictured", card.pictured);
  }

  /** Take the picture of a segment that has played for a moment. */
  picture(segment, video) {
    const card = this.cards.get(segment.key);
    const moment = Math.min(PICTURE_AFTER_S, (segment.durationMs ?? Infinity) / 2000);
    if (!card || card.pictured || video.currentTime < segment.mediaStart + moment) return;
    const { videoWidth: width, videoHeight: height } = video;
    const side = Math.min(width, height);
    const context = card.thumb.getContext("2d");
    context.drawImage(
      video,
      (width - side) / 2,
      (height - side) / 2,
      side,
      side,
      0,
      0,
      card.thumb.width,
      card.thumb.height,
    );
    card.pictured = true;
  }
}

function factsOf({ key, status, durationMs, generationMs, seed }) {
  const facts = [`${key}`];
  if (status !== "done") facts.push(STATUS[status]);
  else facts.push(`${milliseconds(durationMs)} in ${milliseconds(generationMs)}`);
  if (seed !== null) facts.push(`seed\u00a0${seed}`);
  return facts.join(" · ");
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
