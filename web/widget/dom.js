/** Small parts of a document. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [name]  its class
 * @param {Record<string, string>} [attributes]
 * @param {...(Node|string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, name = "", attributes = {}, ...children) {
  const element = document.createElement(tag);
  element.className = name;
  for (const each in attributes) element.setAttribute(each, attributes[each]);
  element.append(...children);
  return element;
}

/**
 * @param {string} name  its class
 * @param {string} label  for who does not see the icon
 * @param {string} path  of 24 by 24
 */
export function iconButton(name, label, path) {
  const namespace = "http://www.w3.org/2000/svg";
  const [svg, drawn] = ["svg", "path"].map((tag) => document.createElementNS(namespace, tag));
  svg.setAttribute("viewBox", "0 0 24 24");
  drawn.setAttribute("d", path);
  svg.append(drawn);
  return make("button", name, { "aria-label": label }, svg);
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
