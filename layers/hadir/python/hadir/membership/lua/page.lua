-- takes: outbox
--
-- A page of the history; changes nothing.
--
-- Reply   { epoch, version, events as XRANGE, oldest first }

-- The versions that the page lies between, and the most events on it. If `before` is '', it has the
-- first events after `since`, otherwise the last ones before `before`.
local since, before, most = unpack(ARGV, OWN_ARGV)

local events = {}
if before == '' then
    events = redis.call('XRANGE', EVENTS, '(' .. since, '+', 'COUNT', most)
else
    local newest_first = redis.call('XREVRANGE', EVENTS, '(' .. before .. '-0', '-', 'COUNT', most)
    for place = #newest_first, 1, -1 do
        table.insert(events, newest_first[place])
    end
end
return { redis.call('HGET', SESSION, 'epoch') or '', counter('version'), events }
