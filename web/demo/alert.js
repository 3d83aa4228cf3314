/** "Customer has left", for who attends to them: once it is settled, until one is here again. */

import { customerHasLeft, evidenceWords, reasonWords, timeWords } from "../desk/words.js";
import { element, sentence } from "./element.js";
import { shape } from "./shapes.js";

/**
 * @param {import("../chat.js").HadirChat} client
 * @param {{type: string}} me
 * @param {(text: string) => void} say
 */
export function showAlert(client, me, say) {
  const root = document.querySelector("#alert");
  const title = document.title;
  /** It is there all the time: only what comes into an alert is said. */
  const spoken = element("div", "spoken");
  spoken.setAttribute("role", "alert");
  const dismiss = element("button", "", "Dismiss");
  dismiss.addEventListener("click", clear);
  root?.append(spoken);

  /** @param {import("../people.js").Person} person */
  function show({ departure }) {
    const why = element("p", "note");
    if (departure) {
      const time = element("time", "", timeWords(departure.timestamp, Date.now()));
      time.dateTime = departure.timestamp;
      why.append("At ", time, ": ");
    }
    const text = [reasonWords(departure), evidenceWords(departure)].filter(Boolean).join("; ");
    why.append(`${departure ? text : sentence(text)}.`);
    spoken.replaceChildren(shape("kicked"), element("div", "who", element("p", "name", "Customer has left"), why));
    root.append(dismiss);
    root.dataset.shown = "";
    document.title = `Customer has left · ${title}`;
  }

  function clear() {
    if (!spoken.hasChildNodes()) return;
    const hadFocus = root.contains(document.activeElement);
    spoken.replaceChildren();
    dismiss.remove();
    delete root.dataset.shown;
    document.title = title;
    if (hadFocus) document.querySelector("#role").focus();
  }

  client.on("left", (person) => {
    if (root && me.type !== "customer" && customerHasLeft(client.people, person)) return show(person);
    const what = person.departure?.reason === "kicked" ? "was put out" : `left: ${reasonWords(person.departure)}`;
    say(`${person.id} ${what}`);
  });
  client.on("people", (people) => {
    if (people.some(({ type, presence }) => type === "customer" && presence === "here")) clear();
  });
  client.on("connection", (state) => state === "closed" && clear());
}
