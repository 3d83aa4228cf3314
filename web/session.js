/** What is told of a session, put in order: frames in, events out. */

import { keepConnected } from "./connection.js";
import { timer } from "./environment.js";
import { socketAddress } from "./options.js";
import { applyToPeople, settle } from "./people.js";
import { isRefused } from "./rest.js";
import { applyMessage, applyUpdate, compare, gapBefore, isBehind } from "./state.js";

const HEARTBEAT_MS = 30_000;
/** Of either. */
const SHORTEST_MS = 5_000;
const LONGEST_HEARTBEAT_MS = 300_000;
/** How long API Gateway lets a socket live ("Amazon API Gateway quotas"). */
const LIFETIME_MS = 7_200_000;
const SYNC_MS = 10_000;
/** How much older than its timestamp, in whole seconds, an event may seem. */
const CLOCK_MS = 1_000;

/**
 * What a session tells a part that speaks in it (speaking.js).
 * @typedef {Object} Part
 * @property {() => void} opened
 * @property {() => void} lost
 * @property {(message: import("./state.js").Message) => void} echoed  a message of one's own has come
 *   back, perhaps not for the first time
 * @property {(error: import("./hadir.js").HadirError) => void} refused
 * @property {(data: import("./typists.js").Typing, serverNow: number) => void} typing
 * @property {(type?: string, id?: string) => void} ended  somebody has said something, or has left
 *
 * @typedef {<K extends keyof import("./hadir.js").HadirEvents>(type: K,
 *   detail: import("./hadir.js").HadirEvents[K]) => boolean} Emit  false where it was prevented
 */

/**
 * Follow a session, from `connection.start()` on.
 * @param {import("./hadir.js").HadirClient} client  shows what is known
 * @param {import("./environment.js").Environment} environment
 * @param {import("./hadir.js").HadirOptions} options
 * @param {Emit} emit
 * @param {(environment: import("./environment.js").Environment, send: (message: Object) => boolean,
 *   emit: Emit, options: import("./hadir.js").HadirOptions) => Part} [speak]
 * @throws {TypeError} an option is missing, or is not what the server takes
 */
export function follow(client, environment, options, emit, speak) {
  const { heartbeatMs = HEARTBEAT_MS, lifetimeMs = LIFETIME_MS, getToken, settleMs } = options;
  if (!(heartbeatMs >= SHORTEST_MS && heartbeatMs <= LONGEST_HEARTBEAT_MS && lifetimeMs >= SHORTEST_MS)) {
    throw new TypeError("heartbeatMs must be from 5,000 to 300,000, lifetimeMs at least 5,000");
  }
  const address = socketAddress(options);
  const [syncing, settling] = [timer(environment), timer(environment)];
  /** @type {import("./people.js").People} */
  let people = new Map();
  let shown = people;
  /** What the console has said since the socket was last open. */
  const said = new Set();
  /** Updates held back while the answer to `sync` is under way, which comes first; else null. */
  let held = /** @type {?[string, any][]} */ (null);
  /** How far this machine's clock is behind the server's, ms. */
  let behind = 0;

  /** By the server's clock, milliseconds since the Unix epoch. */
  const serverNow = () => environment.Date.now() + behind;

  const show = () => {
    if (people === shown) return;
    shown = people;
    const all = [...people.values()];
    const isHere = (/** @type {import("./people.js").Person} */ { presence }) => presence === "here";
    client.people = [...all.filter(isHere), ...all.filter((person) => !isHere(person))];
    emit("people", client.people);
  };

  /** Look who has left for good. Not while something may be missed: they may be back already. */
  const look = () => {
    const now = environment.performance.now();
    settling();
    if (!client.isCurrent || client.connection !== "open") return show();
    const settled = settle(people, now);
    people = settled.people;
    if (settled.next < Infinity) settling(settled.next - now, look);
    show();
    for (const person of settled.left) emit("left", person);
  };

  /** @param {string} type @param {any} data */
  const take = (type, data) => {
    const { state } = client;
    const gap = gapBefore(state, data);
    const isMessage = type === "message";
    client.state = isMessage ? applyMessage(state, data) : applyUpdate(state, data);
    if (client.state === state) return;
    if (gap) emit("gap", gap);
    if (isMessage) {
      emit("message", data);
      return part?.ended(data.user_type, data.user_id);
    }
    const isNews = client.state.lastEvent === data;
    if (!isNews && client.state.status !== data.connection_status) return; // seen before
    people = applyToPeople(people, data, {
      status: /** @type {import("./state.js").ConnectionStatus} */ (client.state.status),
      now: environment.performance.now(),
      age: data.recovered ? Math.max(serverNow() - Date.parse(data.timestamp) - CLOCK_MS, 0) : 0,
      times: settleMs,
    });
    emit("state", client.state);
    if (!isNews) return;
    emit("update", data);
    if (data.event_type === "user_disconnected") part?.ended(data.event_user_type, data.event_user_id);
  };

  /** Take what was held back, in order, whatever is still missing. */
  const release = () => {
    syncing();
    held?.sort(([, a], [, b]) => compare(a, b));
    for (let frame; (frame = held?.shift()); ) take(...frame);
    held = null;
    look();
  };

  /**
   * Ask for what was missed.
   * @param {[string, any][]} first  is held back until it has come
   */
  const sync = (...first) => {
    held = first;
    client.isCurrent = false;
    syncing(SYNC_MS, release);
    const { epoch, version } = client.state;
    connection.send({ action: "sync", since: { epoch, version } });
  };

  /** Take it now, hold it back, or ask first for what is missing. @param {string} type @param {any} data */
  const order = (type, data) => {
    if (data.client_id) part?.echoed(data);
    if (held) {
      held.push([type, data]);
      if (data.event_type || !("connection_status" in data && "recovered" in data)) return;
      client.isCurrent = true;
      release();
    } else if (gapBefore(client.state, data)) sync([type, data]);
    else {
      take(type, data);
      look();
    }
  };

  /**
   * What goes wrong is said in the console too, once, unless a listener calls `preventDefault`.
   * @param {import("./hadir.js").HadirError} error
   */
  const fail = (error) => {
    if (client.connection !== "open") client.error = error;
    const isNews = !said.has(error.code);
    said.add(error.code);
    if (emit("error", error) && isNews) console.warn(`Hadir: ${error.message} (${error.code})`);
  };

  /** @type {Record<string, (data: any) => void>} */
  const receive = {
    connection_status_update: (data) => order("", data),
    message: (data) => order("message", data),
    typing: (data) => part?.typing(data, serverNow()),
    closing: (data) => emit("closing", data),
    error(data) {
      part?.refused(data);
      fail(data);
    },
    heartbeat_ack(data) {
      behind = (Date.parse(data.server_time) || serverNow()) - environment.Date.now();
      if (held) return;
      if (isBehind(client.state, data)) return sync();
      if (!client.isCurrent) {
        client.isCurrent = true;
        emit("state", client.state);
      }
      look();
    },
  };

  const connection = keepConnected(environment, { address, getToken, heartbeatMs, lifetimeMs }, {
    state(state, why) {
      client.connection = state;
      if (why) fail({ code: state, message: why });
      emit("connection", client.connection); // a listener may have started it anew
    },
    open() {
      client.error = null;
      said.clear();
      if (client.state.epoch) sync();
      else client.isCurrent = true;
      part?.opened();
    },
    // API Gateway's own frames have no type.
    frame: ({ type, data }) => receive[type]?.(data),
    lost() {
      held = null;
      client.isCurrent = false;
      syncing();
      settling();
      part?.lost();
    },
    error: (code, message) => fail({ code, message }),
    isRefused: () => isRefused(options),
  });
  const part = speak?.(environment, connection.send, emit, options);
  return { connection, options, part };
}
