/** Example prompts in the bundled model's own words, and the small picture on each of them. */

const COLOURS = {
  red: "#e12328",
  green: "#23a546",
  blue: "#234be1",
  yellow: "#fadc2d",
  orange: "#f58219",
  purple: "#9132be",
  white: "#f5f5f5",
  black: "#0f0f14",
};

const OUTLINES = {
  ball: ["circle", { cx: 10, cy: 10, r: 4.5 }],
  box: ["rect", { x: 6, y: 6, width: 8, height: 8 }],
  triangle: ["path", { d: "M10 5.2 15 14H5Z" }],
};

const SCENES = [
  ["red", "ball", "left", "blue"],
  ["yellow", "triangle", "up", "purple"],
  ["white", "box", "right", "black"],
  ["green", "ball", "down", "white"],
  ["blue", "triangle", "right", "yellow"],
  ["orange", "box", "left", "black"],
];

export const EXAMPLES = SCENES.map(([colour, shape, direction, background]) => ({
  prompt: `a ${colour} ${shape} moving ${direction} on a ${background} background`,
  label: `${colour} ${shape} on ${background}`,
  colour,
  shape,
  background,
}));

/** A chip's picture: the shape in its colour on its background. */
export function picture({ colour, shape, background }) {
  const svg = element("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" });
  const [name, place] = OUTLINES[shape];
  svg.append(
    element("rect", { width: 20, height: 20, rx: 5, fill: COLOURS[background], class: "ground" }),
    element(name, { ...place, fill: COLOURS[colour] }),
  );
  return svg;
}

function element(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
