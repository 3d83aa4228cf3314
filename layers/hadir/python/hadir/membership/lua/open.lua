-- takes: arrivals
--
-- A socket can be written to: its person is present.
--
-- Its own key: tombstone of the connection
-- Reply   { outcome, claim, place, view, reason, limited, watches }
--         place is epoch and the last version that was posted to everyone
--         view is false but on 'added'
--         reason is why it has left, false if it has not, or nobody remembers
--         limited is 1 if its client's message exceeds a limit, else false
--         watches is 1 if the connection watches other sessions, else it is left out
--   outcome 'joined'  the person's first socket: an event, told to everyone, them included
--           'added'   the person was present: no event, unless that changes what is shown of them;
--                     the socket is told of events from now on. Again while nothing has happened
--                     since: the first reply may have been lost
--           'open'    it was open already; its lease is renewed
--           'flooding' its client went on sending although messages were refused: it has left, and
--                     the caller closes the socket
--           'crowded' sockets that were admitted at the same time have reached a limit: likewise
--           'expired' its token has expired: likewise
--           'unknown' not admitted, or gone: unchanged
--
-- Killed before: the connection stays admitted, and its first message or the sweep opens it.
-- Killed after: the event is pending; a socket not closed is closed when its client speaks.

-- heard: 'beat' or 'message', which its client has just sent; '' if the platform says that the
-- socket is there. price: posts that the message costs, and costs for each open socket.
-- proved_until: when the token that its client has just shown expires (ms), '' if it has shown none.
-- profile: what that token, or else the one it connected with, says of its person (JSON without
-- blanks), '' if nothing.
local connection_id, token, heard, price, price_each, tombstone_lifetime, proved_until, profile =
    unpack(ARGV, OWN_ARGV)

local ENDS = { expired = 'token_expired', flooding = 'rate_limited', crowded = 'rate_limited' }

-- 'limited', 'flooding', or false if the message may pass. A connection's refused messages count
-- too, so that one that does not slow down is closed. What is refused to its person costs them
-- nothing, so that their other connections may go on.
local function limit(connection)
    if heard == '' then
        return false
    end
    local own = draw(PACE, 'c ' .. connection_id, 1, MESSAGES_RATE, MESSAGES_BURST)
    take(own)
    if own.use > 2 then
        return 'flooding'
    end
    local posts = price + price_each * counter('open')
    local drawn = { draw(PACE, 'm ' .. connection.person, 1, PERSONS_RATE, PERSONS_BURST) }
    -- Who is in debt, for joining a crowd perhaps, may go on with heartbeats.
    local persons = draw(PACE, 'p ' .. connection.person, posts, POSTS_RATE, POSTS_BURST)
    if posts > 1 or persons.use <= 1 then
        table.insert(drawn, persons)
    end
    -- An empty bucket of the tenant refuses only messages that are posted to everyone.
    local tenants = draw(TENANTS, TENANT, posts, TENANT_RATE, TENANT_BURST)
    if tonumber(price_each) > 0 or tenants.use <= 1 then
        table.insert(drawn, tenants)
    end
    local use = own.use
    for _, each in ipairs(drawn) do
        use = math.max(use, each.use)
    end
    if use > 1 then
        return 'limited'
    end
    for _, each in ipairs(drawn) do
        take(each)
    end
    return false
end

-- The client was heard. One sweep counts each connection once.
local function hear(connection)
    local swept = tonumber(redis.call('HGET', HEARING, 'swept') or '0')
    if connection.heard < swept then
        redis.call('HINCRBY', HEARING, 'heard', 1)
    end
    connection.heard = now
    if heard == 'beat' then
        connection.beats = 1
    end
end

-- A fresh token says who its person is. Of an older one counts only what nobody remembers: Redis
-- has lost it, or the sweep has opened the connection. Everyone is told, so a change has its price;
-- who cannot pay keeps what is shown of them.
local function introduce(connection)
    local name = connection.person
    local person = profile ~= '' and find_person(name)
    if person and person.profile ~= profile and (proved_until ~= '' or not person.profile) then
        local posts = draw(PACE, 'p ' .. name, counter('open'), POSTS_RATE, POSTS_BURST)
        if posts.use > 1 then
            return
        end
        take(posts)
        person.profile = profile
        keep_person(name, person)
        record_state(name, person)
    end
end

-- An open connection only writes again what is stored: even a full Redis has room for that.
local connection = find_connection(connection_id)
if connection and connection.since > 0 then
    even_when_full()
end
if not begin() or not connection then
    forget_lease(connection_id)
    local claimed = redis.call('EXISTS', SESSION) == 1 and finish(false)
    return { 'unknown', claimed, place(), false, redis.call('GET', KEYS[OWN_KEY]) }
end
local expires = connection.expires
if proved_until ~= '' then
    connection.expires = tonumber(proved_until)
end
local outcome, limited = 'open', false
if has_expired(connection) then
    outcome = 'expired'
else
    limited = limit(connection)
    outcome = limited == 'flooding' and limited
        or connection.since == 0 and room(connection) or outcome
end
if ENDS[outcome] then
    depart(connection_id, connection, ENDS[outcome], '', 'server')
    bury(KEYS[OWN_KEY], ENDS[outcome], tombstone_lifetime)
else
    if heard ~= '' then
        hear(connection)
    end
    if limited then
        connection.expires = expires
    end
    if connection.since == 0 then
        outcome = arrive(connection_id, connection, profile)
    else
        keep_connection(connection_id, connection)
        if not limited then
            introduce(connection)
        end
        if heard == '' and connection.since > counter('version') then
            outcome = 'added'
        end
    end
    renew_lease(connection_id, connection)
end
local claimed = finish(claim(token))
return {
    outcome, claimed, place(), outcome == 'added' and view(), redis.call('GET', KEYS[OWN_KEY]),
    limited == 'limited' and 1, connection.watches,
}
