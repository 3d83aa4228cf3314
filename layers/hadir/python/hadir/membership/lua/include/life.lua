-- takes: people, feed, assignments
--
-- A session's epochs, and what every script that changes it does first and last.

local EARLIER = 8    -- lives of which is remembered how far they went

local begun_at = 0           -- the session's version when this script began
local is_new_life = false    -- whether an epoch has begun in this script

-- This node may not have received the last writes before a failover. Clients may have seen events
-- that it does not hold, and would ignore new ones with the same versions; so a new epoch begins.
-- It keeps this node's history: a client that has seen no more than that has missed nothing.
local function begin_new_life(epoch, lineage)
    local earlier = redis.call('HGET', SESSION, 'earlier') or ''
    local words = { epoch, integer(counter('version')) }
    for word in string.gmatch(earlier, '[^ ]+') do
        if #words < 2 * EARLIER then
            table.insert(words, word)
        end
    end
    local handed_out = math.max(counter('claimed'), counter('recovered_up_to'))
    redis.call('HDEL', SESSION, 'token', 'until', 'claimed')
    redis.call('HSET', SESSION, 'epoch', EPOCH, 'lineage', lineage,
        'earlier', table.concat(words, ' '), 'recovered_up_to', integer(handed_out))
    is_new_life = true
end

-- A full Redis refuses scripts unless their first write is a deletion. Those that must run even
-- then begin with this.
local function even_when_full()
    redis.call('ZREM', AGENDA, '')
end

-- Redis has evicted some keys of a session and kept others. People with an open connection are
-- present; others have left for an unknown reason; the sweep looks at every connection again.
local function rebuild()
    local sockets, open, opened_by = {}, 0, {}
    redis.call('DEL', LEAVING)
    local all = redis.call('HGETALL', CONNECTIONS)
    for i = 1, #all, 2 do
        local connection = read_record(CONNECTION, all[i + 1])
        if connection.since > 0 then
            sockets[connection.person] = (sockets[connection.person] or 0) + 1
            open = open + 1
            opened_by[all[i]] = connection.person
        end
        redis.call('ZADD', LEASES, 'NX', integer(now + LEASE), lease_of(all[i]))
    end
    redis.call('HSET', SESSION, 'open', integer(open))
    all = redis.call('HGETALL', PEOPLE)
    for i = 1, #all, 2 do
        local name, person = all[i], read_record(PERSON, all[i + 1])
        if sockets[name] then
            for connection_id in string.gmatch(person.aways or '', '[^,]+') do
                note_away(person, connection_id, opened_by[connection_id] == name)
            end
            keep_person(name, present_on(sockets[name], person))
            list_person(name)
            sockets[name] = nil
        elseif person.left then
            redis.call('ZADD', LEAVING, integer(person.left + GRACE), name)
            list_person(name)
        else
            person.left, person.reason = now, 'unknown'
            record_departure(name, person)
        end
    end
    for name, count in pairs(sockets) do
        keep_person(name, { at = now, sockets = count })
        list_person(name)
    end
    if redis.call('EXISTS', PEOPLE) == 0 then
        redis.call('ZREM', OCCUPIED, NAME)
    end
end

-- Creates a session. If Redis has evicted only its first key, versions go on from the highest that
-- the others hold. Graces of an earlier session end silently.
local function create()
    if redis.call('EXISTS', BEHIND, LEAVING) > 0 then  -- a full Redis would take the rest after a DEL
        redis.call('DEL', BEHIND, LEAVING)
    end
    local version = 0
    for _, last in ipairs(redis.call('XREVRANGE', EVENTS, '+', '-', 'COUNT', 1)) do
        version = tonumber(string.match(last[1], '^%d+'))
    end
    -- Even of an empty stream, it says which versions that refuses; nothing if the Redis user may
    -- not ask.
    local stream = redis.pcall('XINFO', 'STREAM', EVENTS)
    for i = 1, #stream, 2 do
        if stream[i] == 'last-generated-id' then
            version = tonumber(string.match(stream[i + 1], '^%d+'))
        end
    end
    if version == 0 and redis.call('EXISTS', EVENTS) == 1 then
        redis.call('DEL', EVENTS)  -- empty, and might refuse them
    end
    for _, text in ipairs(redis.call('HVALS', CONNECTIONS)) do
        version = math.max(version, read_record(CONNECTION, text).since)
    end
    begun_at = version
    redis.call('HSET', SESSION, 'epoch', EPOCH, 'lineage', lineage_now(), 'version',
        integer(version), 'announced', integer(version), 'open', 0)
end

local function sizes(open)
    return table.concat({
        redis.call('HLEN', CONNECTIONS), redis.call('HLEN', PEOPLE), redis.call('ZCARD', LEAVING),
        open or '0',
    }, ' ')
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
        begin_new_life(known[1], lineage)
    end
    end_graces()
    return true
end

-- Every script that changes a session ends with this. Returns what it grants its caller, which was
-- granted `claimed`: that, or 1 if only a feed has something pending, or false.
local function finish(claimed)
    local known = redis.call('HMGET', SESSION, 'open', 'assigned')
    redis.call('HSET', SESSION, 'sizes', sizes(known[1]))
    if known[2] then
        list_assignment(known[2])
    end
    local due, version = next_look()
    if due < math.huge then
        redis.call('ZADD', AGENDA, integer(due), NAME)
    else
        redis.call('ZREM', AGENDA, NAME)
    end
    forget_old_events()
    for key = 1, FIRST_OF_FEED - 1 do
        redis.call('PEXPIRE', KEYS[key], RETENTION)
    end
    local is_fed = (is_new_life or version > begun_at)
        and feed_events(begun_at + 1, version, is_new_life)
    if claimed then
        claimed[7] = is_fed and 1 or 0
        return claimed
    end
    return is_fed and 1
end
