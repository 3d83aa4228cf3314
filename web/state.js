/** What a client knows of its session, and how an update changes it. Pure. */

/**
 * @typedef {"customer"|"agent"|"admin"} UserType
 *
 * @typedef {Readonly<Record<string, string|number|boolean|null>>} PersonState  flat; at most 1,024 bytes
 *
 * @typedef {Object} User  somebody who is here
 * @property {UserType} user_type
 * @property {string} [user_id]  where it is not the key: `customer` and `agent` may both have the id `42`
 * @property {string} connected_at  RFC 3339
 * @property {number} connections  how many sockets: tabs, devices
 * @property {string} [name]
 * @property {string} [avatar]  an `https://` URL
 * @property {PersonState} [state]
 *
 * @typedef {Object} ConnectionStatus  who is here
 * @property {Record<string, User>} users  by id; of two people with the same one, the second by
 *   `{user_type}:{user_id}`
 * @property {boolean} customer_connected
 * @property {boolean} agent_connected
 * @property {number} total_customer  people, not sockets
 * @property {number} total_agent  admins among them
 *
 * @typedef {Object} Update  the `data` of a `connection_status_update` (docs/protocol.md)
 * @property {string} session_id
 * @property {ConnectionStatus} connection_status
 * @property {"user_connected"|"user_disconnected"} [event_type]  absent on a snapshot, and on an event
 *   that the server does not know
 * @property {string} [event_user_id]
 * @property {UserType} [event_user_type]
 * @property {string} timestamp  RFC 3339
 * @property {number} [version]  the event's place in the session's order
 * @property {number} status_version  what the status reflects
 * @property {string} epoch
 * @property {string} [reason]  of a leave
 * @property {string} [evidence]
 * @property {number} [close_code]
 * @property {boolean} [reconnected]  of a join
 * @property {number} [offline_seconds]
 * @property {boolean} [recovered]
 * @property {boolean} [users_truncated]
 *
 * @typedef {Object} Message  the `data` of a `message`
 * @property {string} session_id
 * @property {string} id
 * @property {string} [user_id]  absent where a customer may not know who says it (`CustomersSee`)
 * @property {UserType} user_type
 * @property {string} text
 * @property {number} version
 * @property {string} epoch
 * @property {string} timestamp
 * @property {string} [client_id]  on the sender's own copy
 * @property {boolean} [recovered]
 *
 * @typedef {Object} State
 * @property {?ConnectionStatus} status  the newest, null before the first
 * @property {?Update} lastEvent  the newest update that had an `event_type`, null before the first
 * @property {?string} epoch  the session's life; when it changes, versions may start over
 * @property {number} version  of the newest event seen
 * @property {number} statusVersion  that `status` reflects
 */

/** @type {Readonly<State>} */
export const initialState = Object.freeze({
  status: null,
  lastEvent: null,
  epoch: null,
  version: 0,
  statusVersion: 0,
});

/**
 * Whether it is of an earlier life. No text is less than null.
 * @param {any} state
 * @param {{epoch: string}} data
 */
const isOver = ({ epoch }, data) => data.epoch < epoch;

/**
 * The state after an update or a message, which have their places in one order. An event seen before
 * changes nothing; a status older than the one known is not taken; of an earlier life of the session
 * nothing is.
 * @param {State} state
 * @param {any} data  an Update or a Message
 * @returns {State}  the same, where nothing is taken of it
 */
export function apply(state, data) {
  const { text, epoch, event_type, version = 0, status_version, connection_status } = data;
  const known = epoch === state.epoch ? state : { ...initialState, status: state.status };
  if (isOver(state, data) || (text && version <= known.version)) return state;
  const next = { ...known, epoch };
  if (status_version >= known.statusVersion) {
    next.status = connection_status;
    next.statusVersion = status_version;
  }
  // The newest event may come after the first snapshot, which tells of its version already.
  if (event_type && (version > known.version || (version === known.version && !known.lastEvent))) {
    next.lastEvent = data;
  }
  if (version > known.version) next.version = version;
  // A snapshot says where one stands: before the first event, and where the history is lost.
  else if (!version && (!known.version || data.recovered === false)) next.version = status_version;
  return next;
}

/**
 * The state before the answer to `sync` is taken: where nothing was lost, the session's new life goes on
 * from the place at which its life before was left.
 * @param {State} state
 * @param {{epoch: string, recovered?: boolean}} answer
 * @returns {State}
 */
export function goOn(state, { epoch, recovered }) {
  const isNewLife = epoch > /** @type {string} */ (state.epoch);
  return recovered && isNewLife ? { ...state, epoch, statusVersion: 0 } : state;
}

/**
 * Whether the session has gone further than the client knows: the last event may have been lost,
 * and nothing came after it to show the gap.
 * @param {State} state
 * @param {{epoch?: string, version?: number}} data  of a `heartbeat_ack`
 * @returns {boolean}
 */
export function isBehind(state, { epoch = "", version = 0 }) {
  // Before the first there is nothing to be behind.
  return epoch === state.epoch ? version > state.version : !!state.epoch && epoch > state.epoch;
}

/**
 * Events that a client has not seen, between the last one it has and what comes now.
 * @typedef {Object} Gap
 * @property {number} from  the first version that is missing
 * @property {number} to  the last one
 * @property {string} epoch  of these versions
 * @property {boolean} isNewLife  the session began anew meanwhile; of its life before, all that came
 *   after the last event seen is lost
 */

/**
 * What is missing before an update or a message; before a snapshot only where it says so itself
 * (`recovered: false`: the history does not reach back).
 * @param {State} state
 * @param {{epoch: string, version?: number, status_version?: number, recovered?: boolean}} data
 * @returns {?Gap}
 */
export function gapBefore(state, { epoch, version = NaN, status_version, recovered }) {
  const isLost = !version && recovered === false;
  if (!state.version || isOver(state, { epoch })) return null;
  const isNewLife = epoch !== state.epoch;
  const from = isNewLife ? 1 : state.version + 1;
  const to = /** @type {number} */ (isLost ? status_version : version - 1); // NaN of any other snapshot
  return to >= from || (isNewLife && isLost) ? { from, to, epoch, isNewLife } : null;
}

/**
 * The order of two frames' data: by life, then by version, a snapshot after its last event.
 * @param {{epoch: string, version?: number, status_version?: number}} a
 * @param {{epoch: string, version?: number, status_version?: number}} b
 * @returns {number}
 */
export function compare(a, b) {
  const place = (/** @type {any} */ data) => data.version ?? data.status_version + 0.5;
  return a.epoch === b.epoch ? place(a) - place(b) : a.epoch < b.epoch ? -1 : 1;
}
