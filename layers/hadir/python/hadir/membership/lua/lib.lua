-- What every script shares; scripts.py puts this text before each of them.
--
-- KEYS[1] session hash   KEYS[2] connections hash   KEYS[3] events stream      (see keys.py)
-- ARGV[1] now: milliseconds since the Unix epoch, or '' for Redis's own clock
--
-- Every script runs to its end or not at all; what its caller does not live to do about the reply
-- is still pending in the session and is handed to the next claimant (claim, below).

local SESSION, CONNECTIONS, EVENTS = KEYS[1], KEYS[2], KEYS[3]

local ANNOUNCING_LEASE = 10000    -- ms; an announcer that has not settled for so long has died
local RETENTION = 86400000        -- ms; longer than any socket lives (2 h), so a live session stays
local HISTORY = 1000              -- announced events kept
local BATCH = 100                 -- events handed out at a time

local function clock()
    if ARGV[1] ~= '' then
        return tonumber(ARGV[1])
    end
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

local now = clock()

local function integer(number)
    return string.format('%.0f', number)
end

-- A connection's record: user_id, user_type, since (first version it is told of; 0: only
-- admitted), at (ms). Ids hold no blank.
local function read_record(record)
    local user_id, user_type, since, at = string.match(record, '^(%S+) (%S+) (%d+) (%d+)$')
    return { user_id = user_id, user_type = user_type, since = tonumber(since), at = tonumber(at) }
end

local function write_record(connection_id, member)
    redis.call('HSET', CONNECTIONS, connection_id, string.format('%s %s %s %s',
        member.user_id, member.user_type, integer(member.since), integer(member.at)))
end

-- Whether a connection other than connection_id keeps user_id present.
local function present_otherwise(user_id, connection_id)
    local all = redis.call('HGETALL', CONNECTIONS)
    for i = 1, #all, 2 do
        if all[i] ~= connection_id then
            local member = read_record(all[i + 1])
            if member.user_id == user_id and member.since > 0 then
                return true
            end
        end
    end
    return false
end

local function counter(field)
    return tonumber(redis.call('HGET', SESSION, field) or '0')
end

-- Appends an event, which is pending from here on; returns its version.
local function record_event(event_type, member)
    local version = redis.call('HINCRBY', SESSION, 'version', 1)
    redis.call('XADD', EVENTS, integer(version) .. '-0', 'type', event_type, 'user_id',
        member.user_id, 'user_type', member.user_type, 'at', integer(now))
    return version
end

local function keep_alive()
    for _, key in ipairs({ SESSION, CONNECTIONS, EVENTS }) do
        redis.call('PEXPIRE', key, RETENTION)
    end
end

-- The session as it is now: epoch, version, connections as HGETALL.
local function view()
    return {
        redis.call('HGET', SESSION, 'epoch') or '',
        counter('version'),
        redis.call('HGETALL', CONNECTIONS),
    }
end

-- Hands the announcing lease to token ('' claims nothing) if events are pending and nobody else
-- holds it. Returns false, or { recovered_up_to, pending events as XRANGE, view }. Claiming again
-- with the same token, as after a lost reply, grants the same again.
--
-- A holder that dies keeps its lease until it runs out; whoever claims then is told up to which
-- version the dead one may have posted.
local function claim(token)
    local announced, version = counter('announced'), counter('version')
    if token == '' or version == announced then
        return false
    end
    local holder = redis.call('HGET', SESSION, 'token')
    local recovered_up_to = counter('recovered_up_to')
    if holder and holder ~= token then
        if counter('until') > now then
            return false
        end
        recovered_up_to = math.max(recovered_up_to, counter('claimed'))
    end
    local pending = redis.call('XRANGE', EVENTS, '(' .. integer(announced), '+', 'COUNT', BATCH)
    if #pending == 0 then
        -- Redis evicted the events themselves: clients see the gap in the versions and sync.
        redis.call('HSET', SESSION, 'announced', integer(version))
        return false
    end
    local last = string.match(pending[#pending][1], '^%d+')
    redis.call('HSET', SESSION, 'token', token, 'until', integer(now + ANNOUNCING_LEASE),
        'claimed', last, 'recovered_up_to', integer(recovered_up_to))
    return { recovered_up_to, pending, view() }
end

local function release()
    redis.call('HDEL', SESSION, 'token', 'until', 'claimed', 'recovered_up_to')
end
