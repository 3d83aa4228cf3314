-- takes: life
--
-- A client said something: an event in the session's order.
--
-- Its own key: epoch, version and token of the message of that client id, or of that token: the
-- same is not said twice, neither when its client repeats it nor when redis-py repeats the call
-- Reply   { outcome, claim, the earlier message as XRANGE on 'repeated', else false }
--   outcome 'said'     recorded, pending
--           'repeated' it was said before; nothing changed
--           'unknown'  the connection is not open: nothing changed
--
-- Killed before: nothing was said; the client asks again. Killed after: the event is pending.

-- client_id: '' if there is none. said_lifetime: how long it is remembered (ms).
local connection_id, token, text, client_id, said_lifetime = unpack(ARGV, OWN_ARGV)

local function say(person_name)
    local epoch = redis.call('HGET', SESSION, 'epoch')
    local before = redis.call('GET', KEYS[OWN_KEY])
    if before then
        local earlier_epoch, version, teller = string.match(before, '^(%S+) (%d+) (%S+)$')
        if teller == token then
            return 'said', false
        end
        return 'repeated', earlier_epoch == epoch and redis.call('XRANGE', EVENTS, version, version)
    end
    local version = record_event('message', {
        'person', person_name, 'at', integer(now), 'text', text, 'connection_id', connection_id,
        'client_id', client_id,
    })
    redis.call('SET', KEYS[OWN_KEY], table.concat({ epoch, integer(version), token }, ' '),
        'PX', said_lifetime)
    return 'said', false
end

if not begin() then
    return { 'unknown', false, false }
end
local outcome, earlier, claimed = 'unknown', false, false
local connection = find_connection(connection_id)
if connection and connection.since > 0 then
    outcome, earlier = say(connection.person)
    claimed = claim(token)
end
finish()
return { outcome, claimed, earlier }
