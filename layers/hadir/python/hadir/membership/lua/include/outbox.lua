-- takes: records
--
-- The outbox: events that are pending until somebody has posted them to everyone, and the sockets
-- that missed something and are owed the status.

local ANNOUNCING_LEASE = 10000    -- ms; an announcer that has not settled for so long has died
local RETENTION = 86400000        -- ms; longer than any socket lives (2 h), so a live session stays
local HISTORY = 1000              -- announced events kept, and for RETENTION at most
local BATCH = 100                 -- events handed out at a time
local BATCH_BYTES = 48000         -- of texts in them, so that they fit in one frame (128 KB)

-- Appends an event, which is pending from here on; returns its version. fields: name, value, …
local function record_event(event_type, fields)
    local version = redis.call('HINCRBY', SESSION, 'version', 1)
    redis.call('XADD', EVENTS, integer(version) .. '-0', 'type', event_type, unpack(fields))
    return version
end

-- The session as it is now: epoch, version, people as HGETALL; and if somebody has it, who, and 1 if
-- they have gone for good.
local function view()
    local known = redis.call('HMGET', SESSION, 'epoch', 'version', 'assigned', 'assignee_gone')
    local holder = known[3] or nil
    return {
        known[1] or '', tonumber(known[2] or '0'), redis.call('HGETALL', PEOPLE), holder,
        holder and known[4] == holder and 1 or nil,
    }
end

-- The session's place: epoch, and the last version that was posted to everyone.
local function place()
    local known = redis.call('HMGET', SESSION, 'epoch', 'announced')
    return { known[1] or '', tonumber(known[2] or '0') }
end

-- The first pending events: as many as fit in one frame, at least one.
local function first_pending(announced)
    local pending = redis.call('XRANGE', EVENTS, '(' .. integer(announced), '+', 'COUNT', BATCH)
    local bytes = 0
    for count, entry in ipairs(pending) do
        for _, value in ipairs(entry[2]) do
            bytes = bytes + #value
        end
        if bytes > BATCH_BYTES and count > 1 then
            return { unpack(pending, 1, count - 1) }
        end
    end
    return pending
end

-- Hands the announcing lease to token ('' claims nothing) if events are pending, or the status is
-- owed to somebody, and nobody else holds it. Returns false, or { recovered_up_to, pending events
-- as XRANGE, sockets that missed something and since when, view, connections as HGETALL, and
-- watchers (watchers.lua) if there are any }; life.lua, finish, adds whether a feed has something
-- pending too.
-- Claiming again with the same token, as after a lost reply, grants the same again.
--
-- A holder that dies keeps its lease until it runs out; whoever claims then is told up to which
-- version the dead one may have posted.
local function claim(token)
    local known = redis.call('HMGET', SESSION, 'announced', 'version', 'token', 'until', 'claimed',
        'recovered_up_to', 'retry_at', 'watchers')
    local announced, version = tonumber(known[1] or '0'), tonumber(known[2] or '0')
    local is_owed = known[7] and tonumber(known[7]) <= now
    if token == '' or (version == announced and not is_owed) then
        return false
    end
    local holder, recovered_up_to = known[3], tonumber(known[6] or '0')
    if holder and holder ~= token then
        if tonumber(known[4]) > now then
            return false
        end
        recovered_up_to = math.max(recovered_up_to, tonumber(known[5] or '0'))
    end
    local pending = first_pending(announced)
    if #pending == 0 and version > announced then
        -- Redis evicted the events themselves: clients see the gap in the versions and sync.
        redis.call('HSET', SESSION, 'announced', integer(version))
        redis.call('HDEL', SESSION, 'token', 'until', 'claimed', 'recovered_up_to')
        return false
    end
    local last = pending[1] and string.match(pending[#pending][1], '^%d+') or integer(announced)
    redis.call('HSET', SESSION, 'token', token, 'until', integer(now + ANNOUNCING_LEASE),
        'claimed', last, 'recovered_up_to', integer(recovered_up_to))
    return {
        recovered_up_to, pending, redis.call('ZRANGE', BEHIND, 0, -1, 'WITHSCORES'), view(),
        redis.call('HGETALL', CONNECTIONS), known[8] or nil,
    }
end

-- Deletes a few of the announced events that are too old.
local function forget_old_events(announced)
    for _ = 1, 10 do
        local first = redis.call('XRANGE', EVENTS, '-', integer(announced), 'COUNT', 1)
        local fields = first[1] and first[1][2] or {}
        for i = 1, #fields, 2 do
            if fields[i] == 'at' and tonumber(fields[i + 1]) >= now - RETENTION then
                return
            end
        end
        if not first[1] then
            return
        end
        redis.call('XDEL', EVENTS, first[1][1])
    end
end
