-- takes: keeping_out
--
-- Bans somebody; replaces an earlier ban of theirs.
--
-- Reply   true
--
-- Killed before: there is no ban. Killed after: there is one; if they are present, they stay until
-- the caller, or whoever repeats the ban, kicks them.

-- name: of the banned, as `Banned` writes it. ends: when the ban ends (ms). record: the admin who
-- bans, and why: "user_type/user_id reason".
local name, ends, record = unpack(ARGV, OWN_ARGV)

redis.call('ZREM', ENDS, name)    -- deleting comes first: Redis does it even when it is full
forget_those_over()
if tonumber(ends) > now then
    redis.call('ZADD', ENDS, ends, name)
    redis.call('HSET', BANS, name, record)
end
keep_until_the_last_is_over()
return 1
