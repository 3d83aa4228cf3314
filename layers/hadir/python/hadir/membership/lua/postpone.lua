-- takes: clock
--
-- The management API did not say whether sockets of one partition are open: their leases are due
-- again later, with exponential backoff.
--
-- KEYS[1] leases   KEYS[2] failing
-- ARGV[1] now
-- ARGV[2], …: the leases, "<session> connection_id"
-- Reply   for each lease how often it has failed in a row; 0 if its connection has left meanwhile
--
-- Killed before: the next sweep asks again. Killed after: no harm.

local FIRST_PAUSE, LONGEST_PAUSE = 60000, 960000    -- ms
local RETENTION = 86400000    -- ms; as in outbox.lua

local LEASES, FAILING = KEYS[1], KEYS[2]

local function postpone(lease_key)
    if not redis.call('ZSCORE', LEASES, lease_key) then
        return 0
    end
    local failures = tonumber(redis.call('ZINCRBY', FAILING, 1, lease_key))
    local pause = math.min(FIRST_PAUSE * 2 ^ (failures - 1), LONGEST_PAUSE)
    redis.call('ZADD', LEASES, integer(now + pause), lease_key)
    return failures
end

redis.call('ZREM', FAILING, '')  -- Redis deletes even when it is full, and then does the rest too
local found = {}
for place = 2, #ARGV do
    found[place - 1] = postpone(ARGV[place])
end
redis.call('PEXPIRE', LEASES, RETENTION)
redis.call('PEXPIRE', FAILING, RETENTION)
return found
