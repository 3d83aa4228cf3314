-- takes: life
--
-- Redis has evicted keys, perhaps some of this session's, or of what its partition knows of it:
-- both are written anew from what is left.
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
local claimed = claim(token)
finish()
return { claimed }
