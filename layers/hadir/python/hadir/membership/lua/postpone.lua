-- takes: life
--
-- The management API would not say whether the socket is there: its lease goes back in the queue,
-- further with each time.
--
-- Reply   how often it has failed in a row; 0 if it has left meanwhile

local FIRST_PAUSE, LONGEST_PAUSE = 60000, 960000    -- ms

local connection_id = unpack(ARGV, OWN_ARGV)

if not redis.call('ZSCORE', LEASES, lease_of(connection_id)) then
    return 0
end
even_when_full()
local failures = tonumber(redis.call('ZINCRBY', FAILING, 1, lease_of(connection_id)))
local pause = math.min(FIRST_PAUSE * 2 ^ (failures - 1), LONGEST_PAUSE)
redis.call('ZADD', LEASES, 'XX', integer(now + pause), lease_of(connection_id))
return failures
