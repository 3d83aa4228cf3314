-- A part of the history; changes nothing.
--
-- ARGV[6] version that all of it comes after
-- ARGV[7] version that all of it comes before; '' for the first events after ARGV[6], else they are
--         the last before this
-- ARGV[8] events at most
-- Reply   { epoch, version, events as XRANGE, oldest first }

local events = {}
if ARGV[7] == '' then
    events = redis.call('XRANGE', EVENTS, '(' .. ARGV[6], '+', 'COUNT', ARGV[8])
else
    local newest_first = redis.call('XREVRANGE', EVENTS, '(' .. ARGV[7] .. '-0', '-',
        'COUNT', ARGV[8])
    for place = #newest_first, 1, -1 do
        table.insert(events, newest_first[place])
    end
end
return { redis.call('HGET', SESSION, 'epoch') or '', counter('version'), events }
