/** The prompt box: grows with its text and remembers what was sent from it. */

export class PromptBox {
  constructor(input) {
    this.input = input;
    this.past = [];
    this.at = 0;
    input.addEventListener("input", () => this.grow());
  }

  fill(text) {
    this.input.value = text;
    this.grow();
  }

  /** Empty the box and remember what it held. */
  sent(prompt) {
    if (this.past.at(-1) !== prompt) this.past.push(prompt);
    this.at = this.past.length;
    this.fill("");
  }

  /** A prompt that will not be made: back into the box, unless something else is typed there. */
  giveBack(prompt) {
    if (this.input.value.trim() === "") this.fill(prompt);
  }

  /** Show the prompt before (-1) or after (1) the one that is shown. */
  step(by) {
    this.at = Math.min(this.past.length, Math.max(0, this.at + by));
    this.fill(this.past[this.at] ?? "");
  }

  get onFirstLine() {
    return !this.input.value.slice(0, this.input.selectionStart).includes("\n");
  }

  get onLastLine() {
    return !this.input.value.slice(this.input.selectionEnd).includes("\n");
  }

  grow() {
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
  }
}
