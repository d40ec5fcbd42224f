/** The few facts of fragmented MP4 that placing fragments on the timeline needs. */

const CONTAINERS = new Set(["moov", "trak", "mdia", "moof", "traf"]);

/** First box called `name`, depth first, as a DataView of its content; null when absent. */
function find(view, name) {
  let at = 0;
  while (at + 8 <= view.byteLength) {
    const size = view.getUint32(at) || view.byteLength - at;
    if (size < 8 || at + size > view.byteLength) return null;
    const type = String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
    const content = new DataView(view.buffer, view.byteOffset + at + 8, size - 8);
    if (type === name) return content;
    const inside = CONTAINERS.has(type) ? find(content, name) : null;
    if (inside) return inside;
    at += size;
  }
  return null;
}

/** Ticks a second of the first track, from an init segment. */
export function timescale(buffer) {
  const header = find(new DataView(buffer), "mdhd");
  return header ? header.getUint32(header.getUint8(0) === 1 ? 20 : 12) : null;
}

/** When the first sample of a fragment is decoded, in ticks; null when it does not say. */
export function decodeTime(buffer) {
  const time = find(new DataView(buffer), "tfdt");
  if (!time) return null;
  return time.getUint8(0) === 1 ? Number(time.getBigUint64(4)) : time.getUint32(4);
}

export function sameBytes(a, b) {
  if (!a || !b || a.byteLength !== b.byteLength) return false;
  const left = new Uint8Array(a);
  const right = new Uint8Array(b);
  return left.every((byte, i) => byte === right[i]);
}
