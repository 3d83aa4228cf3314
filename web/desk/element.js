/** Elements, made without a line of HTML in a text: they work under the strictest Content Security Policy. */

/** @typedef {Node|string|null|undefined|false} Content */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {string|Record<string, any>} [properties]  a class, or properties and `aria-…`, `data-…` and other
 *   attributes with a hyphen; `role`, too
 * @param {...Content} content
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, properties = {}, ...content) {
  const made = document.createElement(name);
  if (typeof properties === "string") made.className = properties;
  else {
    for (const [key, value] of Object.entries(properties)) {
      if (value === undefined || value === null) continue;
      if (key.includes("-") || key === "role" || key === "for") made.setAttribute(key, value);
      else /** @type {any} */ (made)[key] = value;
    }
  }
  fill(made, ...content);
  return made;
}

/** Replace what is in an element. @param {Element} parent @param {...Content} content */
export function fill(parent, ...content) {
  parent.replaceChildren(.../** @type {(Node|string)[]} */ (content.filter((each) => each || each === "")));
}

/** Set a text where it is another: one that stays the same is not announced again. @param {Node} node @param {string} text */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} name
 * @param {Record<string, string|number>} attributes
 * @param {...Element} content
 * @returns {SVGElement}
 */
export function drawing(name, attributes, ...content) {
  const made = /** @type {SVGElement} */ (document.createElementNS(SVG, name));
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, `${value}`);
  made.append(...content);
  return made;
}

const RING = { cx: 8, cy: 8, r: 5, fill: "none", stroke: "currentColor", "stroke-width": 2 };
/** A shape for each state: it can be told from the others without its colour. @type {Record<string, [string, Record<string, any>][]>} */
const SHAPES = {
  here: [["circle", { cx: 8, cy: 8, r: 6, fill: "currentColor" }]],
  away: [
    ["circle", RING],
    ["path", { d: "M8 3a5 5 0 0 0 0 10z", fill: "currentColor" }],
  ],
  "maybe back": [["circle", { ...RING, "stroke-dasharray": "3.2 2.03" }]],
  left: [["circle", RING]],
  empty: [["path", { d: "M4 8h8", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round" }]],
  cross: [["path", { d: "M4 4l8 8M12 4l-8 8", stroke: "currentColor", "stroke-width": 1.75, "stroke-linecap": "round" }]],
  back: [["path", { d: "M10 3 5 8l5 5", fill: "none", stroke: "currentColor", "stroke-width": 1.75, "stroke-linecap": "round" }]],
  bell: [
    ["path", { d: "M4 11V7.5a4 4 0 0 1 8 0V11l1 1.5H3z", fill: "none", stroke: "currentColor", "stroke-width": 1.5, "stroke-linejoin": "round" }],
    ["path", { d: "M6.75 14.25h2.5", stroke: "currentColor", "stroke-width": 1.5, "stroke-linecap": "round" }],
  ],
};

/** @param {string} state @returns {SVGElement} */
export function shape(state) {
  const parts = SHAPES[state] ?? SHAPES.empty;
  const svg = drawing("svg", { viewBox: "0 0 16 16", class: "shape", "aria-hidden": "true" });
  svg.dataset.shape = state;
  svg.append(...parts.map(([name, attributes]) => drawing(name, attributes)));
  return svg;
}
