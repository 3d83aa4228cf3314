-- takes: life
--
-- The announcer has posted everything up to a version, to everyone except those it names.
--
-- Reply   { 'held', claim }   claim is false when the lease is free again
--         { 'lost', false }   the lease ran out and is somebody else's: stop, nothing changed
--
-- Killed before: the lease runs out and the same events are announced again, as recovered. Killed
-- after: what was handed out is pending, likewise; who missed something is still owed the status.

local RETRY = 10000    -- ms; who did not accept a frame is tried again then, or with the next event

-- announced: version. more: '1' to get the events that came meanwhile, '0' to give the lease back.
-- soon: '1' if those who missed something may be tried again at once, as only time was short. Then
-- the number of connections that missed something, these, and those that have caught up.
local FIRST = OWN_ARGV + 5
local token, announced, more, soon, missed = unpack(ARGV, OWN_ARGV, FIRST - 1)

even_when_full()
if not begin() then
    return { 'lost', false }
end
if redis.call('HGET', SESSION, 'token') ~= token then
    return { 'lost', finish(false) }
end
redis.call('HSET', SESSION, 'announced', announced)
redis.call('XTRIM', EVENTS, 'MINID', integer(math.max(announced - HISTORY + 1, 0)))
for place = FIRST, #ARGV do
    if place >= FIRST + missed then
        redis.call('ZREM', BEHIND, ARGV[place])
    elseif redis.call('HEXISTS', CONNECTIONS, ARGV[place]) == 1 then
        redis.call('ZADD', BEHIND, 'NX', integer(now), ARGV[place])
        redis.call('PEXPIRE', BEHIND, RETENTION)
    end
end
if redis.call('EXISTS', BEHIND) == 1 then
    redis.call('HSET', SESSION, 'retry_at', integer(soon == '1' and now or now + RETRY))
else
    redis.call('HDEL', SESSION, 'retry_at')
end
local claimed = more == '1' and claim(token)
if not claimed then
    redis.call('HDEL', SESSION, 'token', 'until', 'claimed')
    if tonumber(announced) >= counter('recovered_up_to') then
        redis.call('HDEL', SESSION, 'recovered_up_to')
    end
end
return { 'held', finish(claimed) }
