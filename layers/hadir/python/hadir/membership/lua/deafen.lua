-- takes: clock
--
-- The sweep could not confirm that clients can be heard: for a lease, silence proves nothing.
--
-- KEYS[1] hearing (due.lua)
-- ARGV[1] now

redis.call('HDEL', KEYS[1], '')  -- Redis deletes even when it is full, and then does the rest too
redis.call('HSET', KEYS[1], 'deaf_until', integer(now + LEASE))
redis.call('PEXPIRE', KEYS[1], 86400000)
