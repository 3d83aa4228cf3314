/** A shape for each state: it can be told from the others without its colour. */

const RING = '<circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" stroke-width="2"';
const SHAPES = {
  full: '<circle cx="8" cy="8" r="6" fill="currentColor"/>',
  hollow: `${RING}/>`,
  dashed: `${RING} stroke-dasharray="4.85 3"/>`,
  slashed: `${RING}/><path d="M2 14 14 2" stroke="currentColor" stroke-width="2"/>`,
  crossed: '<path d="M3 3l10 10M13 3 3 13" stroke="currentColor" stroke-width="2.5" stroke-linecap="round"/>',
  gap: '<path d="M2 8h2.5M6.75 8h2.5M11.5 8H14" stroke="currentColor" stroke-width="2"/>',
};
const OF = {
  here: "full",
  "maybe back": "dashed",
  left: "hollow",
  open: "full",
  connecting: "dashed",
  reconnecting: "dashed",
  offline: "slashed",
  closed: "hollow",
  kicked: "crossed",
  unauthorized: "crossed",
  unsupported: "crossed",
  error: "crossed",
  gap: "gap",
};

/**
 * @param {keyof typeof OF} state
 * @returns {SVGElement}
 */
export function shape(state) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "shape");
  svg.setAttribute("aria-hidden", "true");
  svg.dataset.shape = OF[state];
  svg.innerHTML = SHAPES[OF[state]];
  return svg;
}
