/** The gallery: orders videos of `/v1/videos`, shows how far they are, plays and removes them. */

const VIDEOS = "../v1/videos";
const SOON_MS = 700;
const LATER_MS = 5000;
const PAGE = 24;
const byId = (id) => document.getElementById(id);

/** Of each job that is shown: its card and what the server said last. */
const shown = new Map();
let remixed = null;
let wanted = PAGE;

/** The answer's JSON. Throws an `Error` in the server's words. */
async function asked(path, options = {}) {
  const answer = await fetch(VIDEOS + path, options);
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Error(said.error?.message ?? `This server has no gallery (${answer.status}).`);
  }
  return said;
}

function note(text) {
  byId("note").textContent = text;
  byId("note").hidden = !text;
}

/** Orders what the form says. */
async function order(event) {
  event.preventDefault();
  const prompt = byId("prompt").value;
  const fields = { prompt };
  for (const name of remixed ? [] : ["seconds", "size"]) {
    if (byId(name).value) fields[name] = byId(name).value;
  }
  byId("send").disabled = true;
  try {
    const body = JSON.stringify(fields);
    const headers = { "content-type": "application/json" };
    await asked(remixed ? `/${remixed}/remix` : "", { method: "POST", body, headers });
    note("");
    remix(null);
    await look();
  } catch (error) {
    note(error.message);
  } finally {
    byId("send").disabled = false;
  }
}

/** The next order changes that job's prompt; null: it is a new one. */
function remix(job) {
  remixed = job?.id ?? null;
  byId("remix-of").hidden = byId("no-remix").hidden = !job;
  byId("remix-of").textContent = job ? `A remix of “${job.prompt}”: the same with another prompt.` : "";
  byId("seconds").disabled = byId("size").disabled = Boolean(job);
  if (job) {
    byId("prompt").value = job.prompt;
    byId("prompt").focus();
  }
}

/** A card that knows what to do for its job. */
function cardOf(job) {
  const card = byId("card").content.firstElementChild.cloneNode(true);
  const part = (name) => card.querySelector(name);
  card.dataset.job = job.id;
  part(".said").textContent = job.prompt;
  part(".save").href = `${VIDEOS}/${job.id}/content`;
  part(".save").download = `${job.id}.mp4`;
  part(".play").addEventListener("click", () => play(card, job.id));
  part(".remix").addEventListener("click", () => remix(job));
  part(".delete").addEventListener("click", async ({ target }) => {
    target.disabled = true;
    await asked(`/${job.id}`, { method: "DELETE" }).catch((error) => note(error.message));
    await look();
  });
  return card;
}

function play(card, id) {
  const video = document.createElement("video");
  video.src = `${VIDEOS}/${id}/content`;
  video.controls = video.loop = video.muted = video.playsInline = true;
  card.querySelector(".frame").replaceChildren(video);
  video.play().catch(() => {});
}

/** What the server says of a job now. */
function show(card, job, before) {
  const part = (name) => card.querySelector(name);
  const done = job.status === "completed";
  card.dataset.status = job.status;
  part(".facts").textContent = job.error?.message ?? `${job.status.replace("_", " ")} · ${job.size} · ${job.seconds} s`;
  for (const name of [".play", ".save", ".remix"]) part(name).hidden = !done;
  const progress = part("progress");
  if (progress) progress.value = job.progress;
  if (done && before?.status !== "completed") {
    const picture = document.createElement("img");
    picture.src = `${VIDEOS}/${job.id}/content?variant=thumbnail`;
    picture.alt = job.prompt;
    part(".frame").replaceChildren(picture);
  }
}

async function look() {
  let page;
  try {
    page = await asked(`?limit=${Math.min(wanted, 100)}`);
  } catch (error) {
    note(error.message);
    return LATER_MS;
  }
  const ids = new Set(page.data.map((job) => job.id));
  for (const [id, { card }] of shown) {
    if (!ids.has(id)) {
      card.remove();
      shown.delete(id);
    }
  }
  page.data.forEach((job, index) => {
    const known = shown.get(job.id);
    const card = known?.card ?? cardOf(job);
    if (byId("jobs").children[index] !== card) {
      byId("jobs").insertBefore(card, byId("jobs").children[index] ?? null);
    }
    show(card, job, known?.job);
    shown.set(job.id, { card, job });
  });
  byId("empty").hidden = page.data.length > 0;
  byId("more").hidden = !page.has_more || wanted >= 100;
  const busy = page.data.some((job) => job.status === "queued" || job.status === "in_progress");
  return busy ? SOON_MS : LATER_MS;
}

/** Looks again and again, but not while nobody sees it. */
async function keepLooking() {
  const after = document.hidden ? LATER_MS : await look();
  setTimeout(keepLooking, after);
}

byId("order").addEventListener("submit", order);
byId("no-remix").addEventListener("click", () => remix(null));
byId("more").addEventListener("click", () => {
  wanted += PAGE;
  look();
});
keepLooking();
