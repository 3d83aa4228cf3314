-- takes: life
--
-- That somebody left is forgotten, as an admin wants it. But whoever has a session has gone for good
-- only after a while (attendance.py). So of agents and admins it stays known for that while that they
-- were somewhere in the tenant, not where.

local MOMENT = 30000    -- ms; attendance.py, WINDOW_MS

-- entry: theirs in the index of who has left.
local function forget_departure(entry)
    local erased = KEYS[OWN_KEY]
    local left = math.floor(tonumber(redis.call('ZSCORE', LEFT, entry) or '-1'))
    redis.call('ZREM', LEFT, entry)
    local who, kind = string.match(entry, '^([^ ]+ [^ ]+ ([^ ]+)) [^ ]+$')
    if left < now - MOMENT or kind ~= 'agent' and kind ~= 'admin' then
        return
    end
    local known = tonumber(redis.call('ZSCORE', erased, who) or '0')
    redis.call('ZREMRANGEBYSCORE', erased, '-inf', integer(now - MOMENT - 1))
    redis.call('ZADD', erased, integer(math.max(left, known)), who)
    redis.call('PEXPIRE', erased, MOMENT)
end
