/** Sounds and desktop notifications, which somebody has asked for. */

const KEPT = "hadir-desk-calls";
/** Two soft tones each, in Hz. @type {Record<string, [number, number]>} */
const TONES = { waits: [660, 880], back: [520, 660], left: [520, 390], message: [780, 780] };

export class Calls {
  /** @type {{sound: boolean, notify: boolean}} */
  wanted = { sound: false, notify: false };
  /** @type {?AudioContext} */
  #audio = null;

  constructor() {
    try {
      this.wanted = { ...this.wanted, ...JSON.parse(localStorage.getItem(KEPT) ?? "{}") };
    } catch {} // the browser keeps nothing for this page
  }

  /** @param {boolean} isOn */
  sound(isOn) {
    this.wanted.sound = isOn;
    this.#keep();
    if (isOn) this.play("back");
  }

  /** @param {boolean} isOn @returns {Promise<string>}  why not, where the browser refuses */
  async notify(isOn) {
    const isAllowed = isOn && "Notification" in window && (await Notification.requestPermission()) === "granted";
    this.wanted.notify = isAllowed;
    this.#keep();
    return isOn && !isAllowed ? "The browser does not let this page show notifications." : "";
  }

  /** @param {string} kind */
  play(kind) {
    if (!this.wanted.sound) return;
    this.#audio ??= new AudioContext();
    const audio = this.#audio;
    TONES[kind].forEach((hertz, at) => {
      const [tone, volume] = [audio.createOscillator(), audio.createGain()];
      const start = audio.currentTime + at * 0.14;
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0, start);
      volume.gain.linearRampToValueAtTime(0.06, start + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.3);
      tone.connect(volume).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.32);
    });
  }

  /**
   * Show something to somebody who looks elsewhere.
   * @param {string} title
   * @param {string} body
   * @param {string} id  of the session: a later one about it replaces this
   * @param {() => void} open
   */
  show(title, body, id, open) {
    if (!this.wanted.notify || document.hasFocus()) return;
    const shown = new Notification(title, { body, tag: id });
    shown.onclick = () => {
      window.focus();
      open();
    };
  }

  #keep() {
    try {
      localStorage.setItem(KEPT, JSON.stringify(this.wanted));
    } catch {} // the browser keeps nothing for this page
  }
}
