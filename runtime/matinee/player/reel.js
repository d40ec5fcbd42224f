/** The list of segments: prompt, seed, timings, and a small picture taken while each one plays. */

import { milliseconds } from "./words.js";

const MOST_SHOWN = 60;
const PICTURE_AFTER_S = 0.4;
const STATUS = { making: "being made", cancelled: "cancelled", failed: "failed", lost: "cut off" };

export class Reel {
  /** Each gets a segment: `onReuse`: the viewer chose it; `onBranch`: and wants another video from
   * there on; `onSave`: and wants to keep its video. */
  constructor(list, { onReuse, onBranch, onSave }) {
    this.list = list;
    this.onReuse = onReuse;
    this.onBranch = onBranch;
    this.onSave = onSave;
    this.cards = new Map();
  }

  /** `playing`: the segment that is shown; `can.save(segment)`: its video is still here;
   * `can.branch(segment)`: the server can go on from it. */
  render(segments, playing, can) {
    for (const segment of segments.slice(-MOST_SHOWN)) {
      const card = this.cards.get(segment.key) ?? this.add(segment);
      this.fill(card, segment, segment === playing);
      card.save.hidden = segment.status === "making" || !can.save(segment);
      card.branch.hidden = !can.branch(segment);
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
    const own = document.createElement("em");
    const facts = document.createElement("small");
    button.type = "button";
    button.className = "card";
    button.title = "Use this prompt again";
    button.addEventListener("click", () => this.onReuse(segment));
    thumb.width = thumb.height = 72;
    thumb.setAttribute("aria-hidden", "true");
    own.className = "own";
    button.append(thumb, prompt, own, facts);
    const branch = iconButton("branch", "Go on from here", `Go on from clip ${segment.key}`);
    branch.addEventListener("click", () => this.onBranch(segment));
    const save = iconButton("down", "Save this clip", `Save clip ${segment.key}`);
    save.addEventListener("click", () => this.onSave(segment));
    item.append(button, branch, save);
    this.list.prepend(item);
    const card = { item, branch, save, thumb, prompt, own, facts, pictured: false };
    this.cards.set(segment.key, card);
    return card;
  }

  fill(card, segment, playing) {
    setText(card.prompt, segment.prompt);
    setText(card.own, segment.source === "enhanced" ? segment.request.prompt : "");
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

/** `picture`: the id of a template. */
function iconButton(picture, title, label) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon";
  button.title = title;
  button.setAttribute("aria-label", label);
  button.append(document.getElementById(picture).content.cloneNode(true));
  return button;
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
