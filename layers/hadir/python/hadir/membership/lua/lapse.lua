-- takes: arrivals
--
-- A connection's lease ran out, and the platform says that its socket is still there.
--
-- Its own key: tombstone of the connection
-- Reply   { outcome, claim, place, view, reason } as open.lua
--   outcome 'silent'  its client used to send heartbeats, and for a lease neither we nor the platform
--                     have heard it: it has left, and the caller closes the socket
--           'suspect' its client is silent, but the verdict is 'none': nothing changed
--           'spared'  its client is silent, but that proves nothing: it stays for another lease
--           'expired' its token has expired: it has left, and the caller closes the socket
--           'crowded' it was only admitted, and a limit has been reached since: likewise
--           'joined', 'added', 'open', 'unknown' as open.lua: its client is not silent, or never
--           sent heartbeats
--
-- Killed before: the next sweep comes back to it. Killed after: the event is pending; if the socket
-- was not closed, its client's next message closes it.

-- verdict: 'end', 'spare' or 'none'. active_at: the last activity that the platform saw (ms), or ''.
local connection_id, token, verdict, active_at, tombstone_lifetime = unpack(ARGV, OWN_ARGV)

-- Whether silence proves nothing: since the verdict, a sweep may have found that we are deaf.
local function is_deaf()
    return now < tonumber(redis.call('HGET', HEARING, 'deaf_until') or '0')
end

even_when_full()
local connection = begin() and find_connection(connection_id)
if not connection then
    forget_lease(connection_id)
    local claimed = redis.call('EXISTS', SESSION) == 1 and finish(false)
    return { 'unknown', claimed, place(), false, redis.call('GET', KEYS[OWN_KEY]) }
end
local silent = is_silent(connection, LEASES, lease_of(connection_id), active_at, LEASE)
local outcome
if has_expired(connection) then
    outcome = 'expired'
    depart(connection_id, connection, 'token_expired', '', 'server')
    bury(KEYS[OWN_KEY], 'token_expired', tombstone_lifetime)
elseif connection.since == 0 and room(connection) then
    outcome = 'crowded'
    depart(connection_id, connection, 'rate_limited', '', 'server')
    bury(KEYS[OWN_KEY], 'rate_limited', tombstone_lifetime)
elseif silent and verdict == 'none' then
    outcome = 'suspect'
elseif silent and verdict == 'end' and not is_deaf() then
    outcome = 'silent'
    depart(connection_id, connection, 'heartbeat_timeout', '', 'silence')
    bury(KEYS[OWN_KEY], 'heartbeat_timeout', tombstone_lifetime)
else
    outcome = connection.since == 0 and arrive(connection_id, connection) or silent and 'spared'
        or 'open'
    forget_lease(connection_id)
    renew_lease(connection_id, connection)
end
local claimed = finish(claim(token))
return {
    outcome, claimed, place(), outcome == 'added' and view(), redis.call('GET', KEYS[OWN_KEY]),
}
