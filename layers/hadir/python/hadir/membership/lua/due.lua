-- takes: clock
--
-- Returns what the sweep has to look at in one partition. Its first call begins a sweep.
--
-- KEYS[1] leases   KEYS[2] agenda   KEYS[3] hearing: hash of how many connections were heard since
--         the last sweep (heard) and in the interval before (before), the time of that sweep (swept,
--         ms), and until when silence proves nothing because we may have been deaf (deaf_until, ms)
-- ARGV[1] now
-- ARGV[2] most leases to return
-- ARGV[3] most sessions to return
-- ARGV[4] ms without a sweep after which we may have been deaf, as nothing showed that we could hear
-- ARGV[5] '1' if this is the sweep's first call for the partition
-- Reply   { '1' if silence proves nothing, connections heard since the last sweep, and in the
--           interval before, leases that ran out, sessions on the agenda and since when they have
--           been due (ms), for how many ms the first session on the agenda has been waiting, and
--           the first lease }
--         The leases and sessions that have waited longest come first. If the last sweep was a
--         moment ago (two came at once), this one goes on with it, and the count of the interval
--         before is 0.
--
-- Killed after: the next sweep gets the same, but counts only connections heard since then.

local most_leases, most_sessions, deaf_after, is_first = unpack(ARGV, 2)

local SHORTEST_INTERVAL = 30000    -- ms; sweeps come every minute

local known = redis.call('HMGET', KEYS[3], 'swept', 'deaf_until', 'heard', 'before')
local deaf_until, heard = tonumber(known[2] or '0'), tonumber(known[3] or '0')
local passed = now - tonumber(known[1] or '0')
if is_first == '1' and passed >= SHORTEST_INTERVAL then
    if passed > tonumber(deaf_after) then
        deaf_until = now + LEASE
    end
    redis.call('DEL', KEYS[3])  -- Redis deletes even when it is full, and then does the rest too
    redis.call('HSET', KEYS[3], 'swept', integer(now), 'deaf_until', integer(deaf_until),
        'before', integer(heard))
    redis.call('PEXPIRE', KEYS[3], 86400000)
end
local function waiting(key)
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return math.max(now - tonumber(first[2] or now), 0)
end
return {
    now < deaf_until and '1' or '0',
    heard,
    passed < SHORTEST_INTERVAL and 0 or tonumber(known[4] or '0'),
    redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', integer(now), 'LIMIT', 0, most_leases),
    redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', integer(now), 'WITHSCORES', 'LIMIT', 0,
        most_sessions),
    waiting(KEYS[2]),
    waiting(KEYS[1]),
}
