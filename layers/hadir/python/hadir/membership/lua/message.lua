-- takes: life
--
-- A client, or a backend, said something: an event in the session's order.
--
-- Its own key: epoch, version and token of the message with that client id, or that token; so it is
-- recorded once, even if its client resends it or redis-py repeats the call
-- Reply   { outcome, claim, the earlier message as XRANGE on 'repeated', else false,
--           epoch and version of the message }
--           claim is false but on 'said': what is refused is answered, and announces nothing
--   outcome 'said'     recorded, pending
--           'repeated' it was said before; nothing changed
--           'unknown'  the connection is not open, or for a backend nobody is there: nothing
--                      changed, and the last is false
--
-- Killed before: nothing was said; the client asks again. Killed after: the event is pending.

-- connection_id: '' if a backend says it. backend: the speaker then, "user_type/user_id".
-- client_id: '' if there is none. said_lifetime: how long it is remembered (ms).
local connection_id, backend, token, text, client_id, said_lifetime = unpack(ARGV, OWN_ARGV)

-- The message that was recorded at that place, as XRANGE, if it is kept: the session may have been
-- forgotten since, and have begun anew. Code before an upgrade recorded messages without an epoch.
local function find_said(epoch, version)
    local found = redis.call('XRANGE', EVENTS, version, version)
    local fields = found[1] and found[1][2] or {}
    local recorded_in = redis.call('HGET', SESSION, 'epoch')
    for i = 1, #fields, 2 do
        recorded_in = fields[i] == 'epoch' and fields[i + 1] or recorded_in
    end
    return #fields > 0 and recorded_in == epoch and found
end

local function say(person_name)
    local before = redis.call('GET', KEYS[OWN_KEY])
    if before then
        local earlier_epoch, version, teller = string.match(before, '^(%S+) (%d+) (%S+)$')
        local place = { earlier_epoch, tonumber(version) }
        if teller == token then
            return 'said', false, place
        end
        return 'repeated', find_said(earlier_epoch, version), place
    end
    local epoch = redis.call('HGET', SESSION, 'epoch')
    local fields = {
        'person', person_name, 'at', integer(now), 'epoch', epoch, 'text', text,
        'connection_id', connection_id, 'client_id', client_id,
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

-- Who says it; nil if nobody may.
local function speaker()
    if connection_id == '' then
        return redis.call('EXISTS', PEOPLE) == 1 and backend or nil
    end
    local connection = find_connection(connection_id)
    return connection and connection.since > 0 and connection.person or nil
end

if redis.call('EXISTS', KEYS[OWN_KEY]) == 1 then
    even_when_full()
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
return { outcome, finish(claimed), earlier, place }
