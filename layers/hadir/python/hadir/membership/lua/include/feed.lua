-- takes: outbox, feed_life
--
-- The feed of a tenant's events in one partition, which is written only while sockets watch all of
-- the tenant's sessions.

local MOST_PENDING = 100000    -- entries; if nobody announces them, the oldest are dropped

local function append_to_feed(version)
    local serial = redis.call('HINCRBY', WATCH, 'serial', 1)
    redis.call('XADD', FEED, 'MAXLEN', '~', MOST_PENDING, integer(serial) .. '-0',
        'session', SESSION_ID, 'version', integer(version))
end

-- Appends the session's events of these versions; before them, if the session has begun a new life,
-- an entry of version 0, which tells of no event. Returns whether there is a feed.
local function feed_events(first, last, is_new_life)
    local known = redis.call('HMGET', WATCH, 'serial', 'lineage', 'token', 'until')
    if not known[1] then
        return false
    end
    local lineage = lineage_now()
    if lineage ~= '' and known[2] ~= lineage then
        -- This node may have lost entries that watchers have seen (life.lua, begin_new_life).
        begin_feed(WATCH, FEED, lineage, tonumber(known[1]))
        known[3] = false
    end
    if is_new_life then
        append_to_feed(0)
    end
    for version = first, last do
        append_to_feed(version)
    end
    redis.call('PEXPIRE', FEED, FEED_RETENTION)
    redis.call('ZADD', AGENDA, known[3] and known[4] or integer(now), TENANT .. ' ')
    return true
end
