-- takes: clock
--
-- A feed's lives. Each begins with a higher serial than any before it could have reached, so that a
-- watcher that knows a serial of an earlier life sees that it has missed something.

local FEED_RETENTION = 10800000    -- ms; longer than any socket lives (2 h)

-- Identifies the node's data: it changes when a replica is promoted, the node restarts or the slot
-- moves. '' if the Redis user may not ask.
local function lineage_now()
    local info = redis.pcall('INFO', 'replication')
    return type(info) == 'string' and string.match(info, 'master_replid:(%x+)') or ''
end

-- watch, feed: the keys. last: the serial of its last entry, 0 if there was none. Returns the serial
-- that the new life begins with: now in microseconds, as there are fewer events than those.
local function begin_feed(watch, feed, lineage, last)
    local first = math.max(now * 1000, last + 1)
    redis.call('DEL', feed)
    redis.call('HDEL', watch, 'token', 'until', 'claimed', 'recovered_up_to')
    redis.call('HSET', watch, 'lineage', lineage, 'serial', integer(first),
        'announced', integer(first), 'first', integer(first))
    redis.call('PEXPIRE', watch, FEED_RETENTION)
    return first
end
