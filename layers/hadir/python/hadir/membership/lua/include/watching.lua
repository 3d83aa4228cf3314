-- takes: feed_life
--
-- A feed, for the scripts on it: who watches, and the outbox of what is pending for them. KEYS and
-- ARGV that each of them has; keys.py says what each key holds.

local WATCH, FEED, AGENDA = unpack(KEYS, 1, 3)
local TENANT = ARGV[2]

-- A script's own arguments begin at ARGV[3].
local OWN_ARGV = 3

local ANNOUNCING_LEASE = 10000    -- ms; an announcer that has not settled for so long has died
local BATCH = 100                 -- entries handed out at a time

local function watchers()
    local found = {}
    for _, field in ipairs(redis.call('HKEYS', WATCH)) do
        if string.sub(field, 1, 2) == 'c ' then
            table.insert(found, string.sub(field, 3))
        end
    end
    return found
end

local function serial_of(entry)
    return tonumber(string.match(entry[1], '^%d+'))
end

-- Hands the announcing lease to token if entries are pending, somebody watches, and nobody else
-- holds it (as outbox.lua, claim). Returns false, or { serial before the first entry,
-- recovered_up_to, pending entries as XRANGE, watchers }.
local function claim_feed(token)
    local known = redis.call('HMGET', WATCH, 'serial', 'announced', 'token', 'until', 'claimed',
        'recovered_up_to')
    if not known[1] or known[1] == known[2] then
        return false
    end
    local holder, recovered_up_to = known[3], tonumber(known[6] or '0')
    if holder and holder ~= token then
        if tonumber(known[4]) > now then
            return false
        end
        recovered_up_to = math.max(recovered_up_to, tonumber(known[5]))
    end
    local pending = redis.call('XRANGE', FEED, '(' .. known[2], '+', 'COUNT', BATCH)
    if #pending == 0 then
        -- Redis evicted the entries: watchers find at their next heartbeat that they missed them.
        redis.call('HSET', WATCH, 'announced', known[1], 'first', known[1])
        redis.call('HDEL', WATCH, 'token', 'until', 'claimed', 'recovered_up_to')
        return false
    end
    redis.call('HSET', WATCH, 'token', token, 'until', integer(now + ANNOUNCING_LEASE),
        'claimed', integer(serial_of(pending[#pending])),
        'recovered_up_to', integer(recovered_up_to))
    return { integer(serial_of(pending[1]) - 1), recovered_up_to, pending, watchers() }
end

-- Every script that changes a feed ends with this: without watchers the feed is deleted, with
-- pending entries the sweep must look at it.
local function finish_feed()
    local known = redis.call('HMGET', WATCH, 'serial', 'announced', 'token', 'until')
    if not known[1] or #watchers() == 0 then
        redis.call('DEL', WATCH, FEED)
        redis.call('ZREM', AGENDA, TENANT .. ' ')
        return
    end
    if known[1] ~= known[2] then
        redis.call('ZADD', AGENDA, known[3] and known[4] or integer(now), TENANT .. ' ')
    else
        redis.call('ZREM', AGENDA, TENANT .. ' ')
    end
    redis.call('PEXPIRE', WATCH, FEED_RETENTION)
end
