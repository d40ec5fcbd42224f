/** The few facts of fragmented MP4 that placing and saving fragments needs (ISO/IEC 14496-12). */

const CONTAINERS = new Set(["moov", "trak", "mdia", "mvex", "moof", "traf"]);
const HEADER = 8;
const MEHD_SIZE = 20;

/** All boxes called `name`, depth first, as DataViews of their contents. */
function* all(view, name) {
  let at = 0;
  while (at + HEADER <= view.byteLength) {
    const size = view.getUint32(at) || view.byteLength - at;
    if (size < HEADER || at + size > view.byteLength) return;
    const type = String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
    const content = new DataView(view.buffer, view.byteOffset + at + HEADER, size - HEADER);
    if (type === name) yield content;
    else if (CONTAINERS.has(type)) yield* all(content, name);
    at += size;
  }
}

/** The first of them; null when absent. */
function find(view, name) {
  return all(view, name).next().value ?? null;
}

/** The 32 bits at one of two places: version 1 of a box has wider times before them. */
function field(box, at, atInVersion1) {
  return box.getUint32(box.getUint8(0) === 1 ? atInVersion1 : at);
}

/** Ticks a second of the first track, from an init segment. */
export function timescale(buffer) {
  const header = find(new DataView(buffer), "mdhd");
  return header ? field(header, 12, 20) : null;
}

/** Ticks a second of each track by its id, from an init segment. */
function timescales(buffer) {
  const tracks = [...all(new DataView(buffer), "trak")];
  return new Map(
    tracks.map((track) => [
      field(find(track, "tkhd"), 12, 20),
      field(find(track, "mdhd"), 12, 20),
    ]),
  );
}

/** When the first sample of a fragment is decoded, in ticks; null when it does not say. */
export function decodeTime(buffer) {
  const time = find(new DataView(buffer), "tfdt");
  if (!time) return null;
  return time.getUint8(0) === 1 ? Number(time.getBigUint64(4)) : time.getUint32(4);
}

/** Frames of the first track in a fragment. */
export function frameCount(buffer) {
  return find(new DataView(buffer), "trun")?.getUint32(4) ?? 0;
}

/** A copy of a fragment that is decoded `seconds` later. `init`: the init segment before it. */
export function delayed(buffer, seconds, init) {
  const scales = timescales(init);
  const copy = buffer.slice(0);
  for (const track of all(new DataView(copy), "traf")) {
    const time = find(track, "tfdt");
    const ticks = Math.round(seconds * scales.get(find(track, "tfhd").getUint32(4)));
    if (time.getUint8(0) === 1) {
      time.setBigUint64(4, BigInt(Math.max(0, Number(time.getBigUint64(4)) + ticks)));
    } else time.setUint32(4, Math.max(0, time.getUint32(4) + ticks));
  }
  return copy;
}

/** An init segment that says how long the whole video is, for programs that do not add it up. */
export function withDuration(init, seconds) {
  const view = new DataView(init);
  const extends_ = find(view, "mvex");
  const ticks = Math.round(seconds * field(find(view, "mvhd"), 12, 20));
  const at = extends_.byteOffset;
  const longer = new Uint8Array(init.byteLength + MEHD_SIZE);
  longer.set(new Uint8Array(init, 0, at));
  longer.set(new Uint8Array(init, at), at + MEHD_SIZE);
  const result = new DataView(longer.buffer);
  const mehd = [MEHD_SIZE, 0x6d656864, 0x01000000]; // size, name, version 1
  mehd.forEach((word, i) => result.setUint32(at + 4 * i, word));
  result.setBigUint64(at + 12, BigInt(ticks));
  for (const box of [find(view, "moov"), extends_]) {
    const size = box.byteOffset - HEADER;
    result.setUint32(size, view.getUint32(size) + MEHD_SIZE);
  }
  return longer.buffer;
}

export function sameBytes(a, b) {
  if (!a || !b || a.byteLength !== b.byteLength) return false;
  const left = new Uint8Array(a);
  const right = new Uint8Array(b);
  return left.every((byte, i) => byte === right[i]);
}
