-- takes: outbox
--
-- What a client missed; changes nothing.
--
-- Reply   { events after that as XRANGE, view }; events is false when there are more than that, the
--         history does not reach back that far, or the client has seen what this node has lost

-- The client's epoch, the version of the last event it has seen, the most events to return.
local epoch, seen, most = unpack(ARGV, OWN_ARGV)

-- The last version of that epoch in this node's data; nil if the epoch is not remembered.
local function end_of_life()
    local known = redis.call('HMGET', SESSION, 'epoch', 'earlier')
    if known[1] == epoch then
        return counter('version')
    end
    for earlier, version in string.gmatch(known[2] or '', '([^ ]+) (%d+)') do
        if earlier == epoch then
            return tonumber(version)
        end
    end
end

local since, version = tonumber(seen), counter('version')
local missed = false
local reached = end_of_life()
if reached and since <= reached and version - since <= tonumber(most) then
    missed = redis.call('XRANGE', EVENTS, '(' .. integer(since), '+')
    -- Versions have no gaps: a shorter answer means that the oldest are gone.
    if #missed ~= version - since then
        missed = false
    end
end
return { missed, view() }
