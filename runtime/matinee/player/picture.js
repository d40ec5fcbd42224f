/** The picture that a new video begins with: chosen, dropped or pasted, and checked. */

import { setText } from "./reel.js";
import { bytes } from "./words.js";

const TYPES = ["image/png", "image/jpeg", "image/webp"];
const MOST_BYTES = 32 * 2 ** 20;
const MOST_PIXELS = 16e6;

const byId = (id) => document.getElementById(id);

export class Picture {
  /** `onNote(text)` is told why a file cannot be used, and "" when one is taken. */
  constructor(onNote) {
    this.onNote = onNote;
    /** As `session_init_v2` wants it; null without one. */
    this.image = null;
    this.tries = 0;
    const input = byId("picture-file");
    byId("picture-choose").addEventListener("click", () => input.click());
    byId("picture-remove").addEventListener("click", () => {
      this.clear();
      byId("picture-choose").focus();
    });
    input.addEventListener("change", () => {
      if (input.files.length > 0) this.take(input.files[0]);
      input.value = ""; // the same file can be chosen again
    });
    this.watchDrops();
  }

  watchDrops() {
    const over = (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      document.body.toggleAttribute("data-dropping", event.type === "dragover");
      if (event.type === "drop") this.take(event.dataTransfer.files[0]);
    };
    document.addEventListener("dragover", over);
    document.addEventListener("drop", over);
    document.addEventListener("dragleave", ({ relatedTarget }) => {
      if (!relatedTarget) document.body.removeAttribute("data-dropping");
    });
    document.addEventListener("paste", ({ clipboardData }) => {
      if (clipboardData.files.length > 0) this.take(clipboardData.files[0]);
    });
  }

  /** Check a file and show it; it goes along with the next prompt. */
  async take(file) {
    const attempt = ++this.tries;
    const refusal = file ? refusalOf(file) : "That is not a file.";
    const shown = refusal ? null : await createImageBitmap(file).catch(() => null);
    const data = shown && (await dataUrl(file));
    if (attempt !== this.tries) return; // another one was chosen meanwhile
    const why = refusal ?? problemOf(file, shown);
    this.onNote(why ?? "");
    if (why) return;
    this.image = { mime: file.type, name: file.name.slice(0, 200), data };
    setText(byId("picture-name"), file.name);
    draw(byId("picture-shown"), shown);
    byId("picture").hidden = false;
  }

  /** Put a picture back that was sent. */
  clear() {
    this.tries += 1;
    this.image = null;
    byId("picture").hidden = true;
  }
}

function refusalOf({ name, type, size }) {
  if (!TYPES.includes(type)) return `${name} is no PNG, JPEG or WebP picture.`;
  if (size > MOST_BYTES) return `${name} has ${bytes(size)}; at most ${bytes(MOST_BYTES)} can be sent.`;
  return null;
}

function problemOf({ name }, shown) {
  if (!shown) return `${name} is broken: this browser cannot read it.`;
  const { width, height } = shown;
  if (width * height <= MOST_PIXELS) return null;
  return `${name} has ${width} × ${height} pixels; at most 16 million can be sent. Make it smaller.`;
}

function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** Fill the canvas with the middle of the picture. */
function draw(canvas, shown) {
  const side = Math.min(shown.width, shown.height);
  const [left, top] = [(shown.width - side) / 2, (shown.height - side) / 2];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(shown, left, top, side, side, 0, 0, canvas.width, canvas.height);
}
