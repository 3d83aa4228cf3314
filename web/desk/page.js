/** Opens the desk, or says why it cannot be opened. */

import { element } from "./element.js";

try {
  await import("./desk.js");
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  const text = element("p", "text", `The desk cannot be opened: ${why}`);
  document.getElementById("alerts")?.append(element("div", "alert", text));
  console.error(error);
}
