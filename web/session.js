/** What is told of a session, put in order: frames in, events out. */

import { keepConnected } from "./connection.js";
import { timer } from "./environment.js";
import { socketAddress } from "./options.js";
import { applyToPeople, settle } from "./people.js";
import { isRefused } from "./rest.js";
import { apply, compare, gapBefore, goOn, isBehind } from "./state.js";
import * as times from "./times.js";

/**
 * What a session tells a part that speaks in it (speaking.js).
 * @typedef {Object} Part
 * @property {() => void} opened
 * @property {() => void} lost
 * @property {(told: import("./state.js").Update|import("./state.js").Message) => void} echoed  what has
 *   come may be a message of one's own, perhaps not for the first time
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
  const { heartbeatMs = times.HEARTBEAT_MS, lifetimeMs = times.LIFETIME_MS, settleMs } = options;
  const address = socketAddress(options);
  const [syncing, settling] = [timer(environment), timer(environment)];
  /** @type {import("./people.js").People} */
  let people = new Map();
  let shown = people;
  /** What the console has said since the socket was last open. */
  const said = new Set();
  /** What has been told and is not yet taken. @type {any[]} */
  let queue = [];
  /** Whether the answer to `sync` is under way, which comes first. */
  let isAsking = false;
  /** The events of an answer that did not fit into its last frame. @type {any[]} */
  let parts = [];
  /** How far this machine's clock is behind the server's, ms. */
  let behind = 0;

  /** By the server's clock, milliseconds since the Unix epoch. */
  const serverNow = () => environment.Date.now() + behind;

  const show = () => {
    if (people === shown) return;
    shown = people;
    client.people = [...people.values()].sort((a, b) => +(b.presence === "here") - +(a.presence === "here"));
    emit("people", client.people);
  };

  /** Look who has left for good. Not while something may be missed: they may be back already. */
  const look = () => {
    settling();
    const now = environment.performance.now();
    if (!client.isCurrent || client.connection !== "open") return show();
    const settled = settle(people, now);
    people = settled.people;
    if (settled.next < Infinity) settling(settled.next - now, look);
    show();
    for (const person of settled.left) emit("left", person);
  };

  /** @param {any} data  of a message, or an update of one event or none */
  const take = (data) => {
    const { state } = client;
    const gap = gapBefore(state, data);
    client.state = apply(state, data);
    if (client.state === state) return;
    if (gap) emit("gap", gap);
    if (data.text) {
      emit("message", data);
      return part?.ended(data.user_type, data.user_id);
    }
    const isNews = client.state.lastEvent === data;
    if (!isNews && client.state.status !== data.connection_status) return; // seen before
    people = applyToPeople(people, data, {
      status: /** @type {import("./state.js").ConnectionStatus} */ (client.state.status),
      now: environment.performance.now(),
      age: data.recovered ? Math.max(serverNow() - Date.parse(data.timestamp) - times.CLOCK_MS, 0) : 0,
      times: settleMs,
    });
    emit("state", client.state);
    if (!isNews) return;
    emit("update", data);
    if (data.event_type === "user_disconnected") part?.ended(data.event_user_type, data.event_user_id);
  };

  /** Take what has been told. @param {boolean} [isFinal]  also where something is missing before it */
  const proceed = (isFinal) => {
    while (queue.length && !isAsking) {
      if (!isFinal && gapBefore(client.state, queue[0])) sync();
      else take(queue.shift());
    }
    if (!isAsking) look();
  };

  /** Take it in order, whatever is still missing. @param {any} [answer]  to `sync` */
  const release = (answer) => {
    syncing();
    isAsking = false;
    if (answer) client.state = goOn(client.state, answer);
    queue.sort(compare);
    proceed(true);
  };

  /** Ask for what was missed, before anything else is taken. */
  const sync = () => {
    isAsking = true;
    client.isCurrent = false;
    syncing(times.SYNC_MS, release);
    const { epoch, version } = client.state;
    connection.send({ action: "sync", since: { epoch, version } });
  };

  /**
   * Take what a frame tells, or hold it back: each event of several as if it had come by itself, then
   * the status.
   * @param {any} frame  its data
   */
  const told = ({ events = [], ...data }) => {
    const { session_id, epoch, event_type, connection_status, status_version, users_truncated } = data;
    if (session_id !== options.sessionId) return;
    const isAnswer = connection_status && !event_type && "recovered" in data;
    if (isAnswer) events = [...parts.splice(0), ...events];
    const all = events.map((/** @type {any} */ event) => ({
      session_id,
      epoch,
      ...(!event.text && { connection_status, status_version, users_truncated }),
      ...event,
    }));
    if (!event_type || !events.length) all.push(data);
    queue.push(...all);
    for (const each of all) part?.echoed(each);
    if (isAsking && isAnswer) {
      client.isCurrent = true;
      release(data);
    } else proceed();
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
    connection_status_update: told,
    message: told,
    assignment: told,
    events(data) {
      parts.push(...data.events);
      if (isAsking) syncing(times.SYNC_MS, release);
    },
    typing: (data) => part?.typing(data, serverNow()),
    closing: (data) => emit("closing", data),
    error(data) {
      part?.refused(data);
      fail(data);
    },
    heartbeat_ack(data) {
      behind = Date.parse(data.server_time) - environment.Date.now() || 0;
      if (isAsking) return;
      if (isBehind(client.state, data)) return sync();
      if (!client.isCurrent) {
        client.isCurrent = true;
        emit("state", client.state);
      }
      look();
    },
  };

  const connection = keepConnected(environment, { ...options, address, heartbeatMs, lifetimeMs }, {
    state(state, why) {
      client.connection = state;
      if (why) fail({ code: state, message: why });
      emit("connection", client.connection); // a listener may have started it anew
    },
    open() {
      client.error = null;
      said.clear();
      parts = [];
      if (client.state.epoch) sync();
      else client.isCurrent = true;
      part?.opened();
    },
    // API Gateway's own frames have no type.
    frame: ({ type, data }) => receive[type]?.(data),
    lost() {
      queue = [];
      isAsking = client.isCurrent = false;
      syncing();
      settling();
      part?.lost();
    },
    error: (code, message) => fail({ code, message }),
    isRefused: () => isRefused(options),
  });
  const part = speak?.(environment, connection.send, emit, options);
  return { ...connection, options, part };
}
