/** The keyboard, the prompt box, and the two sheets. */

const byId = (id) => document.getElementById(id);

/** Wire the page's controls; `actions` are the things a viewer can do. */
export function watchKeys({ submit, cancel, togglePause, history, grow, input }) {
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit(input.value);
  });
  byId("open-settings").addEventListener("click", () => byId("settings").showModal());
  byId("open-keys").addEventListener("click", () => byId("keys").showModal());
  for (const sheet of document.querySelectorAll("dialog")) {
    sheet.addEventListener("click", (event) => {
      if (event.target === sheet) sheet.close(); // a click beside the sheet
    });
  }
  input.addEventListener("input", grow);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit(input.value);
    } else if (event.key === "ArrowUp" && onFirstLine(input)) {
      event.preventDefault();
      history.step(-1);
    } else if (event.key === "ArrowDown" && onLastLine(input)) {
      event.preventDefault();
      history.step(1);
    }
  });
  const whenNotTyping = {
    " ": togglePause,
    k: togglePause,
    "/": () => input.focus(),
    ",": () => byId("settings").showModal(),
    "?": () => byId("keys").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === "Escape") cancel();
    const action = whenNotTyping[event.key];
    if (!action || isTyping(event.target) || (event.key === " " && isControl(event.target))) return;
    event.preventDefault();
    action();
  });
}

function onFirstLine(input) {
  return !input.value.slice(0, input.selectionStart).includes("\n");
}

function onLastLine(input) {
  return !input.value.slice(input.selectionEnd).includes("\n");
}

function isTyping(node) {
  return node instanceof HTMLTextAreaElement || (node instanceof HTMLInputElement && node.type !== "checkbox");
}

/** Space presses a focused button or switch; it must not pause as well. */
function isControl(node) {
  return node instanceof HTMLButtonElement || node instanceof HTMLInputElement;
}
