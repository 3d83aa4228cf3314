/** The client of a visitor: as HadirChat, without what only applications need. */

import { HadirClient } from "../hadir.js";
import { speaking } from "../speaking.js";
import { stateOfPage } from "../state-of-mine.js";

/** @typedef {import("../speaking.js").Given} Given */

/** A HadirClient that shows its parts. */
export class Speaker extends HadirClient {
  /** @protected @param {Given} given */
  static speak = (...given) => speaking(...given, stateOfPage);

  session = this._session;

  /** What is said in the session. */
  part = /** @type {ReturnType<typeof speaking>} */ (this._session.part);
}
