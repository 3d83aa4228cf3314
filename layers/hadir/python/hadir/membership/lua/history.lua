-- What a client missed; changes nothing.
--
-- ARGV[6] epoch the client knows
-- ARGV[7] version of the last event it has seen
-- Reply   { events after that as XRANGE, view }; events is false when the history does not reach
--         back that far, or the client knows another life of the session

local since, version = tonumber(ARGV[7]), counter('version')
local missed = false

if redis.call('HGET', SESSION, 'epoch') == ARGV[6] and since <= version then
    missed = redis.call('XRANGE', EVENTS, '(' .. integer(since), '+')
    -- Versions have no gaps: a shorter answer means that the oldest are gone.
    if #missed ~= version - since then
        missed = false
    end
end
return { missed, view() }
