-- takes: clock
--
-- How long a connection counts as open. lease: how long it does so without being heard (ms).

-- AWS does not say what counts as activity (GetConnection's lastActiveAt): perhaps our own posts do.
-- So activity delays the verdict, but not for ever.
local ACTIVE_LEASES = 3

local function has_expired(connection)
    return connection.expires > 0 and connection.expires <= now
end

-- When the sweep next looks at a connection: no later than its token expires.
local function lease_end(connection, lease)
    if connection.expires > 0 then
        return math.min(now + lease, connection.expires)
    end
    return now + lease
end

-- Whether its client has sent a heartbeat, so that more are expected, and for a lease neither we nor
-- the platform have heard it. lease_key: its entry among the leases; active_at: the last activity
-- that the platform saw (ms), or ''.
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
