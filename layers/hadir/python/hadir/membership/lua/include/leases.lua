-- takes: records, terms
--
-- The sweep looks at a connection when its lease runs out.

local function lease_of(connection_id)
    return NAME .. ' ' .. connection_id
end

local function renew_lease(connection_id, connection)
    redis.call('ZADD', LEASES, integer(lease_end(connection, LEASE)), lease_of(connection_id))
end

local function forget_lease(connection_id)
    redis.call('ZREM', LEASES, lease_of(connection_id))
    redis.call('ZREM', FAILING, lease_of(connection_id))
end

-- A tombstone says why a connection left. The first reason is kept, and its TTL is never shortened.
local function bury(tombstone, reason, lifetime)
    if not redis.call('SET', tombstone, reason, 'NX', 'PX', lifetime) then
        redis.call('PEXPIRE', tombstone, lifetime, 'GT')
    end
end
