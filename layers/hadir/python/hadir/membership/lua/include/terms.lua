-- takes: clock
--
-- How long a connection is believed in. lease: for how long without being heard (ms).

-- AWS does not say what counts as activity (GetConnection's lastActiveAt, perhaps our own posts):
-- so it makes the verdict later, but not for ever.
local ACTIVE_LEASES = 3

local function has_expired(connection)
    return connection.expires > 0 and connection.expires <= now
end

-- When somebody looks at it: at the latest when what it proved expires.
local function lease_end(connection, lease)
    if connection.expires > 0 then
        return math.min(now + lease, connection.expires)
    end
    return now + lease
end

-- Whether its client promised to go on, and was not heard for the length of the lease, neither by
-- us nor by the platform. lease_key: where the end of its lease stands; active_at: when the platform
-- last saw something of it (ms), or ''.
local function is_silent(connection, leases, lease_key, active_at, lease)
    local silence = now - connection.heard
    if connection.beats == 0 or silence < lease then
        return false
    end
    if tonumber(redis.call('ZSCORE', leases, lease_key) or '0') > now then
        return false
    end
    return active_at == '' or now - active_at >= lease or silence >= ACTIVE_LEASES * lease
end
