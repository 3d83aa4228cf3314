-- takes: recovery, feed, assignments
--
-- A session's epochs, and what every script that changes it does first and last.

local RENEWAL = 3600000    -- ms; much less than RETENTION

local begun_at = 0           -- the session's version when this script began
local is_new_life = false    -- whether an epoch has begun in this script
local in_grace = 0           -- how many people were in grace when they were last counted

-- A full Redis refuses scripts unless their first write is a deletion. Those that must run even
-- then begin with this.
local function even_when_full()
    redis.call('ZREM', AGENDA, '')
end

local function sizes(open)
    in_grace = redis.call('ZCARD', LEAVING)
    return table.concat({
        redis.call('HLEN', CONNECTIONS), redis.call('HLEN', PEOPLE), in_grace, open or '0',
    }, ' ')
end

local function create()
    begun_at = recovery().create()
end

local function rebuild()
    recovery().rebuild()
    in_grace = redis.call('ZCARD', LEAVING)
end

-- Every script that changes a session begins with this. Returns whether there is a session.
local function begin()
    local known = redis.call('HMGET', SESSION, 'epoch', 'lineage', 'sizes', 'open', 'version')
    if not known[1] then
        if redis.call('EXISTS', CONNECTIONS, PEOPLE) == 0 then
            return false
        end
        create()
        rebuild()
        is_new_life = true
        return true
    end
    begun_at = tonumber(known[5] or '0')
    if known[3] ~= sizes(known[4]) then
        rebuild()
    end
    local lineage = lineage_now()
    if lineage ~= '' and known[2] == '' then
        redis.call('HSET', SESSION, 'lineage', lineage)
    elseif lineage ~= '' and known[2] ~= lineage then
        recovery().begin_new_life(known[1], lineage)
        is_new_life = true
    end
    if in_grace > 0 then
        end_graces()
    end
    return true
end

-- When the sweep must look at the session: when the announcer's lease runs out, when a grace is
-- over, when the status is owed to somebody, and at once if pending events have no announcer.
local function next_look(holder, held_until, has_pending, retry_at)
    local due = tonumber(retry_at or 'inf')
    if holder then
        due = tonumber(held_until)
    elseif has_pending then
        due = now
    end
    if in_grace > 0 then
        local first = redis.call('ZRANGE', LEAVING, 0, 0, 'WITHSCORES')
        due = math.min(due, tonumber(first[2]))
    end
    return due
end

-- Every key expires. All are renewed when sizes change, so that a new one is among them, and
-- otherwise now and then; in between, the few that may be new all the same.
local function renew(is_resized, renewed_at)
    if is_resized or now - tonumber(renewed_at or '0') >= RENEWAL then
        for key = 1, FIRST_OF_FEED - 1 do
            redis.call('PEXPIRE', KEYS[key], RETENTION)
        end
        redis.call('HSET', SESSION, 'renewed_at', integer(now))
        return
    end
    for _, key in ipairs({ EVENTS, PACE, TENANTS }) do
        redis.call('PEXPIRE', key, RETENTION)
    end
end

-- Every script that changes a session ends with this. Returns what it grants its caller, which was
-- granted `claimed`: that, or 1 if only a feed has something pending, or false.
local function finish(claimed)
    local known = redis.call('HMGET', SESSION, 'open', 'sizes', 'version', 'announced', 'token',
        'until', 'retry_at', 'assigned', 'renewed_at')
    local version, announced = tonumber(known[3] or '0'), tonumber(known[4] or '0')
    local sizes_now = sizes(known[1])
    local is_resized = sizes_now ~= known[2]
    if is_resized then
        redis.call('HSET', SESSION, 'sizes', sizes_now)
    end
    local due = next_look(known[5], known[6], version > announced, known[7])
    if due < math.huge then
        redis.call('ZADD', AGENDA, integer(due), NAME)
        redis.call('PEXPIRE', AGENDA, RETENTION)
    else
        redis.call('ZREM', AGENDA, NAME)
    end
    if known[8] then
        list_assignment(known[8])
    end
    forget_old_events(announced)
    renew(is_resized, known[9])
    local is_fed = (is_new_life or version > begun_at)
        and feed_events(begun_at + 1, version, is_new_life)
    if claimed and is_fed then
        claimed[6] = claimed[6] or ''
        claimed[7] = 1
    end
    return claimed or is_fed and 1
end
