/** Sounds and desktop notifications, which somebody has asked for. */

const KEPT = "hadir-desk-calls";
/** Two soft tones each, in Hz. @type {Record<string, [number, number]>} */
const TONES = { waits: [660, 880], back: [520, 660], left: [520, 390], message: [780, 780] };

export class Calls {
  /** `keys`: single keys, which some who speak to their computer or tremble switch off. */
  wanted = { sound: false, notify: false, keys: true };
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
    const isAllowed = isOn && "Notification" in window && (await Notification.requestPermission()) === "granted" && canConstruct();
    this.wanted.notify = isAllowed;
    this.#keep();
    return isOn && !isAllowed ? "The browser does not let this page show notifications." : "";
  }

  /** @param {boolean} isOn */
  keys(isOn) {
    this.wanted.keys = isOn;
    this.#keep();
  }

  /** @param {string} kind */
  play(kind) {
    if (!this.wanted.sound) return;
    this.#audio ??= new AudioContext();
    const audio = this.#audio;
    // Before anybody has pressed something, a page may not sound, and all of it would sound later at once.
    if (audio.state !== "running" && !navigator.userActivation?.hasBeenActive) return;
    audio.resume();
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

/** Chrome on Android has the class, and refuses to make one. */
function canConstruct() {
  try {
    new Notification("Hadir", { body: "You will be told here.", tag: "hadir" });
    return true;
  } catch {
    return false;
  }
}
