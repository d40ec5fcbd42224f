/** The keyboard and the two sheets. */

const byId = (id) => document.getElementById(id);

/** Wire the page's controls; `actions` are the things a viewer can do. */
export function watchKeys(box, { submit, cancel, togglePause, toggleSound, toggleFull }) {
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit(box.input.value);
  });
  byId("open-settings").addEventListener("click", () => byId("settings").showModal());
  byId("open-keys").addEventListener("click", () => byId("keys").showModal());
  for (const sheet of document.querySelectorAll("dialog")) {
    sheet.addEventListener("click", (event) => {
      if (event.target === sheet) sheet.close(); // a click beside the sheet
    });
  }
  box.input.addEventListener("keydown", (event) => {
    const action = whileTyping(box, event, submit);
    if (!action || event.isComposing) return;
    event.preventDefault();
    action();
  });
  const whenNotTyping = {
    " ": togglePause,
    k: togglePause,
    m: toggleSound,
    f: toggleFull,
    "/": () => box.input.focus(),
    ",": () => byId("settings").showModal(),
    "?": () => byId("keys").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === "Escape" && !event.isComposing) cancel();
    const action = whenNotTyping[event.key];
    if (!action || isTyping(event.target) || (event.key === " " && isControl(event.target))) return;
    event.preventDefault();
    action();
  });
}

function whileTyping(box, { key, shiftKey }, submit) {
  if (key === "Enter" && !shiftKey) return () => submit(box.input.value);
  if (key === "ArrowUp" && box.onFirstLine) return () => box.step(-1);
  if (key === "ArrowDown" && box.onLastLine) return () => box.step(1);
  return null;
}

function isTyping(node) {
  return node.matches("textarea, input:not([type=checkbox])");
}

/** Space presses a focused button or switch; it must not pause as well. */
function isControl(node) {
  return node.matches("button, input, a");
}
