/** The client of a visitor: as HadirChat, without what only applications need. */

import { HadirClient } from "../hadir.js";
import { speaking } from "../speaking.js";

export class Speaker extends HadirClient {
  /** @protected */
  static speak = speaking;

  options = this._session.options;

  /** What is said in the session. */
  part = /** @type {ReturnType<typeof speaking>} */ (this._session.part);
}
