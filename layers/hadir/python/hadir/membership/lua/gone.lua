-- takes: clock
--
-- Which of a tenant's agents and admins have just left sessions of one partition, and may be back in
-- a moment: they were neither away nor kicked. Changes nothing.
--
-- KEYS[1] left
-- ARGV[1] now
-- ARGV[2] the tenant
-- ARGV[3] how long ago they left at most (ms)
-- ARGV[4] how many of those who left last, of whatever tenant and type, are looked at
-- Reply   their names in the index
--
-- Killed before or after: nothing has changed.

local tenant, within, most = unpack(ARGV, 2, 4)

local STAFF_TYPES = { agent = true, admin = true }

local found = {}
local last = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', integer(now - within),
    'WITHSCORES', 'LIMIT', 0, most)
for i = 1, #last, 2 do
    local owner, user_type = string.match(last[i], '^([^ ]+) [^ ]+ ([^ ]+) ')
    local is_expected = tonumber(last[i + 1]) % 1 == 0
    if owner == tenant and STAFF_TYPES[user_type] and is_expected then
        table.insert(found, last[i])
    end
end
return found
