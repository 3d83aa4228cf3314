-- takes: keeping_out
--
-- Lifts a ban.
--
-- Reply   1, or 0 if there was none
--
-- Killed before: nothing has changed. Killed after: it is lifted; lifting it again finds none.

local name = unpack(ARGV, OWN_ARGV)

forget_those_over()
redis.call('HDEL', BANS, name)
local lifted = redis.call('ZREM', ENDS, name)
keep_until_the_last_is_over()
return lifted
