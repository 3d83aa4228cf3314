-- takes: life
--
-- Rebuilds a session and its entries in its partition's indexes, after Redis has evicted keys.
--
-- Reply   { claim }
--
-- Killed before or after: nothing; the next repair does the same.

local token = unpack(ARGV, OWN_ARGV)

even_when_full()
if not begin() then
    redis.call('ZREM', OCCUPIED, NAME)
    return { false }
end
rebuild()
return { finish(claim(token)) }
