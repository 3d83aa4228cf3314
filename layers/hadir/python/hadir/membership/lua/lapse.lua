-- A connection's lease ran out, and the platform says that its socket is still there.
--
-- KEYS[11] tombstone of the connection
-- ARGV[6] connection id
-- ARGV[7] token of the caller, should it become the announcer
-- ARGV[8] tombstone lifetime (ms)
-- Reply   { outcome, claim, view, reason }    reason is false unless it has left
--   outcome 'silent'  its client used to be heard and was not for the length of the lease: it has
--                     left, and the caller closes the socket
--           'expired' what it proved is no longer good: likewise
--           'joined', 'added', 'open', 'unknown' as open.lua: it has not been silent, or never spoke
--
-- Killed before: the next sweep comes back to it. Killed after: the event is pending; a socket not
-- closed is closed when its client speaks.

local connection_id = ARGV[6]

even_when_full()
local member = begin() and find_connection(connection_id)
if not member then
    forget_lease(connection_id)
    return { 'unknown', false, false, redis.call('GET', KEYS[11]) }
end
local outcome
local lease = tonumber(redis.call('ZSCORE', LEASES, NAME .. ' ' .. connection_id) or '0')
if has_expired(member) then
    outcome = 'expired'
    depart(connection_id, member, 'token_expired', '', 'server')
    bury('token_expired', ARGV[8])
elseif member.heard > 0 and now - member.heard >= LEASE and lease <= now then
    outcome = 'silent'
    depart(connection_id, member, 'heartbeat_timeout', '', 'silence')
    bury('heartbeat_timeout', ARGV[8])
else
    outcome = member.since == 0 and arrive(connection_id, member) or 'open'
    renew_lease(connection_id, member)
end
local claimed = claim(ARGV[7])
finish()
return { outcome, claimed, outcome ~= 'joined' and view(), redis.call('GET', KEYS[11]) }
