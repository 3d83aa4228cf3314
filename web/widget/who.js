/** Who is there to answer, in words. Pure. */

/**
 * @typedef {import("../people.js").Person} Person
 * @typedef {import("./texts.js").Say} Say
 */

/** What an answer of the REST API is to a visitor. @type {Record<string, string>} */
const SHAPES = { live: "here", reachable: "here", away: "away", offline: "left" };

/** Who may answer. @param {readonly Person[]} people */
export const agentsOf = (people) =>
  people.filter(({ type, presence }) => type !== "customer" && presence !== "left");

/**
 * @param {readonly Person[]} agents  of `agentsOf`
 * @param {number} total  of them, also where it is not told who they are
 * @param {string} availability  where nobody is in the session; "": not known
 * @param {Say} say
 * @returns {[title: string, line: string, shape: string]}  the shape is `here`, `away`, `maybe` or `left`;
 *   "": nothing is known
 */
export function headerOf([first, ...others], total, availability, say) {
  const title = say("title");
  if (first) {
    const name = first.name ?? first.id;
    const here = [first, ...others].filter(({ presence }) => presence === "here");
    const isHere = here.some(({ state }) => !state?.away);
    const shape = isHere ? "here" : here[0] ? "away" : "maybe";
    return [others[0] ? say("and", others.length, name) : name, say(isHere ? "here" : "away"), shape];
  }
  if (total) return [title, say("some", total), "here"];
  const shape = SHAPES[availability] ?? "";
  return [title, shape && say(shape), shape];
}
