-- takes: keeping_out
--
-- Somebody is kept out from now on, for as long as this says, whatever was said before.
--
-- Reply   true
--
-- Killed before: nobody is kept out. Killed after: they are, and who is there already stays until
-- they are put out by the caller, or by the next who says the same.

-- name: as `Banned` writes it. ends: when it is over (ms). record: "user_type/user_id reason", of
-- who wanted it and why.
local name, ends, record = unpack(ARGV, OWN_ARGV)

redis.call('ZREM', ENDS, name)    -- deleting comes first: Redis does it even when it is full
forget_those_over()
if tonumber(ends) > now then
    redis.call('ZADD', ENDS, ends, name)
    redis.call('HSET', BANS, name, record)
end
keep_until_the_last_is_over()
return 1
