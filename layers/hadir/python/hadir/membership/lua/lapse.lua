-- takes: life
--
-- A connection's lease ran out, and the platform says that its socket is still there.
--
-- Its own key: tombstone of the connection
-- Reply   { outcome, claim, place, view, reason } as open.lua
--   outcome 'silent'  its client used to send heartbeats and was not heard for the length of the
--                     lease, neither by us nor by the platform: it has left, and the caller closes
--                     the socket
--           'suspect' likewise, but no verdict was given: nothing changed
--           'expired' what it proved is no longer good: as silent
--           'crowded' it was only admitted, and a limit is reached by now: likewise
--           'spared'  likewise, but nothing is proved by it: it stays for another lease
--           'joined', 'added', 'open', 'unknown' as open.lua: it has not been silent, or never
--           promised heartbeats
--
-- Killed before: the next sweep comes back to it. Killed after: the event is pending; a socket not
-- closed is closed when its client speaks.

-- verdict: 'end', 'spare' or 'none'. active_at: when the platform last saw something of it, or ''.
-- most_…: as admit.lua.
local connection_id, token, verdict, active_at, tombstone_lifetime, most_sockets, most_people =
    unpack(ARGV, OWN_ARGV)

even_when_full()
local connection = begin() and find_connection(connection_id)
if not connection then
    forget_lease(connection_id)
    if redis.call('EXISTS', SESSION) == 1 then
        finish()
    end
    return { 'unknown', false, place(), false, redis.call('GET', KEYS[OWN_KEY]) }
end
local silent = is_silent(connection, LEASES, lease_of(connection_id), active_at, LEASE)
local outcome
if has_expired(connection) then
    outcome = 'expired'
    depart(connection_id, connection, 'token_expired', '', 'server')
    bury(KEYS[OWN_KEY], 'token_expired', tombstone_lifetime)
elseif connection.since == 0 and room(connection, most_sockets, most_people) then
    outcome = 'crowded'
    depart(connection_id, connection, 'rate_limited', '', 'server')
    bury(KEYS[OWN_KEY], 'rate_limited', tombstone_lifetime)
elseif silent and verdict == 'none' then
    outcome = 'suspect'
elseif silent and verdict == 'end' then
    outcome = 'silent'
    depart(connection_id, connection, 'heartbeat_timeout', '', 'silence')
    bury(KEYS[OWN_KEY], 'heartbeat_timeout', tombstone_lifetime)
else
    outcome = connection.since == 0 and arrive(connection_id, connection) or silent and 'spared'
        or 'open'
    forget_lease(connection_id)
    renew_lease(connection_id, connection)
end
local claimed = claim(token)
finish()
return {
    outcome, claimed, place(), outcome == 'added' and view(), redis.call('GET', KEYS[OWN_KEY]),
}
