-- The announcer has posted everything up to a version to everyone.
--
-- ARGV[6] token
-- ARGV[7] announced (version)
-- ARGV[8] '1': hand me what came meanwhile; '0': I stop
-- Reply   { 'held', claim }   claim is false when the lease is free again
--         { 'lost', false }   the lease ran out and is somebody else's: stop, nothing changed
--
-- Killed before: the lease runs out and the same events are announced again, as recovered. Killed
-- after: what was handed out is pending, likewise.

local token = ARGV[6]

even_when_full()
if not begin() or redis.call('HGET', SESSION, 'token') ~= token then
    return { 'lost', false }
end
local announced = tonumber(ARGV[7])
redis.call('HSET', SESSION, 'announced', ARGV[7])
redis.call('XTRIM', EVENTS, 'MINID', integer(math.max(announced - HISTORY + 1, 0)))
local more = ARGV[8] == '1' and claim(token)
if not more then
    redis.call('HDEL', SESSION, 'token', 'until', 'claimed')
    if announced >= counter('recovered_up_to') then
        redis.call('HDEL', SESSION, 'recovered_up_to')
    end
end
finish()
return { 'held', more }
