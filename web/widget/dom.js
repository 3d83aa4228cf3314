/** Small parts of a document. */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {Partial<HTMLElementTagNameMap[Tag]>} [properties]
 * @param {...(Node|string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className = "", properties, ...children) {
  const element = Object.assign(document.createElement(tag), { className }, properties);
  element.append(...children);
  return element;
}

/**
 * @param {string} className
 * @param {string} ariaLabel  for who does not see the icon
 * @param {string} path  of 24 by 24
 * @param {() => void} [onclick]  where it does not submit a form
 */
export function iconButton(className, ariaLabel, path, onclick) {
  const namespace = "http://www.w3.org/2000/svg";
  const [svg, drawn] = ["svg", "path"].map((tag) => document.createElementNS(namespace, tag));
  svg.setAttribute("viewBox", "0 0 24 24");
  drawn.setAttribute("d", path);
  svg.append(drawn);
  return make("button", className, { ariaLabel, onclick }, svg);
}

/**
 * Nothing is touched that stays as it is: a screen reader would say it again.
 * @param {HTMLElement} element  hidden where there is no text
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}
