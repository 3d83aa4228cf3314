-- takes: clock
--
-- The sweep could not show that clients can be heard: silence proves nothing for a while.
--
-- KEYS[1] hearing (due.lua)
-- ARGV[1] now
-- ARGV[2] ms that a client may take to be heard again: a lease

redis.call('HDEL', KEYS[1], '')  -- Redis deletes even when it is full, and then does the rest too
redis.call('HSET', KEYS[1], 'deaf_until', integer(now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], 86400000)
