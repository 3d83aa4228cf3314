-- A socket can be written to: its user is present.
--
-- KEYS[11] tombstone of the connection
-- ARGV[6] connection id
-- ARGV[7] token of the caller, should it become the announcer
-- ARGV[8] '1' if the client has just been heard, '0' if the platform says that it is there
-- ARGV[9] messages a second that a connection may send, messages it may send at once; a user, over
--         all connections, twice as many
-- ARGV[11] tombstone lifetime (ms)
-- ARGV[12] until when its client has just proved anew who it is (ms), '' if it has not
-- Reply   { outcome, claim, view, reason }
--         view is false on 'joined', where the event brings the status, and on 'unknown'
--         reason is why it has left, false if it has not, or nobody remembers
--   outcome 'joined'  the user's first socket: an event, told to everyone, the newcomer among them
--           'added'   the user was present: no event; the socket is told of events from now on
--           'open'    it was open already; its lease is renewed
--           'limited' as 'open', but the message comes too soon and is not to be answered
--           'flooding' refused messages did not slow it down: it has left, and the caller closes it
--           'expired' what it proved is no longer good: likewise
--           'unknown' not admitted, or gone: unchanged
--
-- Killed before: the connection stays admitted, and its first message or the sweep opens it.
-- Killed after: the event is pending; a socket not closed is closed when its client speaks.

local connection_id, heard = ARGV[6], ARGV[8] == '1'

-- 'limited', 'flooding', or nil: this message may pass. A connection's refused messages count too,
-- so that one that does not slow down is closed; its user's do not, so that the others may go on.
local function limit(member)
    local rate, burst = tonumber(ARGV[9]), tonumber(ARGV[10])
    local own, own_use = draw('c ' .. connection_id, rate, burst)
    keep_bucket('c ' .. connection_id, own)
    if own_use > 2 then
        return 'flooding'
    end
    local users, users_use = draw('u ' .. member.user_id, 2 * rate, 2 * burst)
    if own_use > 1 or users_use > 1 then
        return 'limited'
    end
    keep_bucket('u ' .. member.user_id, users)
    return nil
end

local member = begin() and find_connection(connection_id)
if not member then
    forget_lease(connection_id)
    return { 'unknown', false, false, redis.call('GET', KEYS[11]) }
end
local expires = member.expires
if ARGV[12] ~= '' then
    member.expires = tonumber(ARGV[12])
end
local outcome = has_expired(member) and 'expired'
    or heard and limit(member)
    or 'open'
if outcome == 'expired' or outcome == 'flooding' then
    local reason = outcome == 'expired' and 'token_expired' or 'rate_limited'
    depart(connection_id, member, reason, '', 'server')
    bury(reason, ARGV[11])
else
    if heard then
        member.heard = now
    end
    if outcome == 'limited' then
        member.expires = expires
    end
    if member.since == 0 then
        local arrived = arrive(connection_id, member)
        outcome = outcome == 'limited' and outcome or arrived
    else
        write_connection(connection_id, member)
    end
    renew_lease(connection_id, member)
end
local claimed = claim(ARGV[7])
finish()
return { outcome, claimed, outcome ~= 'joined' and view(), redis.call('GET', KEYS[11]) }
