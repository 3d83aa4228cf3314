-- takes: clock
--
-- The sweep could not confirm that clients can be heard: for a lease, silence proves nothing.
--
-- KEYS[1] hearing (due.lua)
-- ARGV[1] now
-- ARGV[2] length of a lease (ms): the time in which every client should be heard again

redis.call('HDEL', KEYS[1], '')  -- Redis deletes even when it is full, and then does the rest too
redis.call('HSET', KEYS[1], 'deaf_until', integer(now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], 86400000)
