-- takes: life
--
-- The agent or admin who has the session has gone for good, or is back: an event in the session's
-- order if anybody is present. An empty session is only marked, for whoever comes next: it is told
-- in the status, and the session is not kept for longer.
--
-- Reply   'told'    recorded, pending
--         'noted'   nobody is in the session: no event
--         'same'    that was known: the session is only listed anew
--         'changed' the session has changed hands, or is forgotten: no event
--
-- Killed before: the next sweep does it. Killed after: the event is pending; a repetition finds
-- another entry in the list, and changes nothing.

-- listed: the session's entry, as the sweep has read it. gone: '1' or '0'.
local listed, gone = unpack(ARGV, OWN_ARGV)

local function attend()
    if redis.call('HGET', ASSIGNED, NAME) ~= listed then
        return 'changed'
    end
    local name = read_record(ASSIGNMENT, listed).person
    local known = redis.call('HMGET', SESSION, 'assigned', 'assignee_gone')
    if known[1] ~= name then
        redis.call('HDEL', ASSIGNED, NAME)
        if known[1] then
            list_assignment(known[1])
        end
        return 'changed'
    end
    write_assignment(name, gone == '1')
    if (known[2] == name) == (gone == '1') then
        return 'same'
    end
    if gone == '1' then
        redis.call('HSET', SESSION, 'assignee_gone', name)
    else
        redis.call('HDEL', SESSION, 'assignee_gone')
    end
    if redis.call('EXISTS', PEOPLE) == 0 or not begin() then
        return 'noted'
    end
    record_event('assignment', { 'person', name, 'at', integer(now), 'gone', gone })
    finish(false)
    return 'told'
end

return attend()
