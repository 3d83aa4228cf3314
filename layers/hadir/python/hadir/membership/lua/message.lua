-- takes: life
--
-- A client, or a backend, said something: an event in the session's order.
--
-- Its own key: epoch, version and token of the message of that client id, or of that token: the
-- same is not said twice, neither when its client repeats it nor when redis-py repeats the call
-- Reply   { outcome, claim, the earlier message as XRANGE on 'repeated', else false,
--           epoch and version of the message }
--           claim is false but on 'said': what is refused is answered, and announces nothing
--   outcome 'said'     recorded, pending
--           'repeated' it was said before; nothing changed
--           'unknown'  the connection is not open, or for a backend nobody is there: nothing
--                      changed, and the last is false
--
-- Killed before: nothing was said; the client asks again. Killed after: the event is pending.

-- connection_id: '' where a backend says it. backend: as whom, then, "user_type/user_id".
-- client_id: '' if there is none. said_lifetime: how long it is remembered (ms).
local connection_id, backend, token, text, client_id, said_lifetime = unpack(ARGV, OWN_ARGV)

-- The message of that client id, as XRANGE, if it is still what that version says: the session may
-- have been forgotten since, and have begun anew.
local function find_said(person_name, version)
    local found = redis.call('XRANGE', EVENTS, version, version)
    local said = {}
    for i = 1, found[1] and #found[1][2] or 0, 2 do
        said[found[1][2][i]] = found[1][2][i + 1]
    end
    return said.person == person_name and said.client_id == client_id and found
end

local function say(person_name)
    local epoch = redis.call('HGET', SESSION, 'epoch')
    local before = redis.call('GET', KEYS[OWN_KEY])
    if before then
        local earlier_epoch, version, teller = string.match(before, '^(%S+) (%d+) (%S+)$')
        local earlier = find_said(person_name, version)
        local place = { earlier and epoch or earlier_epoch, tonumber(version) }
        if teller == token then
            return 'said', false, place
        end
        return 'repeated', earlier, place
    end
    local fields = {
        'person', person_name, 'at', integer(now), 'text', text, 'connection_id', connection_id,
        'client_id', client_id,
    }
    if connection_id == '' then
        table.insert(fields, 'system')
        table.insert(fields, '1')
    end
    local version = record_event('message', fields)
    redis.call('SET', KEYS[OWN_KEY], table.concat({ epoch, integer(version), token }, ' '),
        'PX', said_lifetime)
    return 'said', false, { epoch, version }
end

-- As whom it is said; nil if it cannot be.
local function speaker()
    if connection_id == '' then
        return redis.call('EXISTS', PEOPLE) == 1 and backend or nil
    end
    local connection = find_connection(connection_id)
    return connection and connection.since > 0 and connection.person or nil
end

if not begin() then
    return { 'unknown', false, false, false }
end
local outcome, earlier, claimed, place = 'unknown', false, false, false
local person_name = speaker()
if person_name then
    outcome, earlier, place = say(person_name)
    claimed = outcome == 'said' and claim(token)
end
finish()
return { outcome, claimed, earlier, place }
