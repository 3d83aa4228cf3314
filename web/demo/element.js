/**
 * An element with a class and what is in it.
 * @param {string} name
 * @param {string} [kind]
 * @param {...(Node|string)} content
 */
export function element(name, kind = "", ...content) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...content);
  return made;
}

/** @param {string} text */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
