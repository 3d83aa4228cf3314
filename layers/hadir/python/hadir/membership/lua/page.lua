-- takes: outbox
--
-- A part of the history; changes nothing.
--
-- Reply   { epoch, version, events as XRANGE, oldest first }

-- The version that all of it comes after; the version that all of it comes before, or '' for the
-- first events after `since`, else they are the last before this; events at most.
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
