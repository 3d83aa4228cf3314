-- The announcer has posted everything up to a version to everyone.
--
-- ARGV    now, token, announced (version), more ('1': hand me what came meanwhile; '0': I stop)
-- Reply   { 'held', claim }   claim is false when the lease is free again
--         { 'lost', false }   the lease ran out and is somebody else's: stop, nothing changed
--
-- Killed before: the lease runs out and the same events are announced again, as recovered. Killed
-- after: what was handed out is pending, likewise.

local token = ARGV[2]

if redis.call('HGET', SESSION, 'token') ~= token then
    return { 'lost', false }
end
local announced = tonumber(ARGV[3])
redis.call('HSET', SESSION, 'announced', ARGV[3])
if announced > HISTORY then
    redis.call('XTRIM', EVENTS, 'MINID', integer(announced - HISTORY + 1))
end
local more = ARGV[4] == '1' and claim(token)
if not more then
    release()
end
return { 'held', more }
