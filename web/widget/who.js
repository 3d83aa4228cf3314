/** Who is there to answer, in words. Pure. */

/**
 * @typedef {import("../people.js").Person} Person
 * @typedef {import("./texts.js").Say} Say
 *
 * @typedef {Object} Header
 * @property {string} title
 * @property {string} line
 * @property {string} shape  `here`, `away`, `maybe` or `left`; "": nothing is known
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
 * @returns {Header}
 */
export function headerOf(agents, total, availability, say) {
  const title = say("title");
  if (agents.length) {
    const name = agents[0].name ?? agents[0].id;
    const n = agents.length - 1;
    const here = agents.filter(({ presence }) => presence === "here");
    const shape = !here.length ? "maybe" : here.every(({ state }) => state?.away) ? "away" : "here";
    return { title: n ? say(n > 1 ? "and-more" : "and", name, n) : name, line: say(shape), shape };
  }
  if (total) return { title, line: say(total > 1 ? "some" : "one", "", total), shape: "here" };
  const shape = SHAPES[availability] ?? "";
  return { title, line: shape && say(shape), shape };
}

/**
 * What there is to say of the connection.
 * @param {import("../connection.js").ConnectionState} connection
 * @param {boolean} isWaiting  whether a message waits for it
 * @param {Say} say
 */
export const noteOf = (connection, isWaiting, say) => {
  if (/open|closed/.test(connection)) return "";
  return say(isWaiting && connection === "reconnecting" ? "waits" : connection);
};
