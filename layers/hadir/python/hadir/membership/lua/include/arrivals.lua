-- takes: life, leases, pace
--
-- Sockets that open, and those that are gone.

local RECONNECT_WINDOW = 30000    -- ms; who is back within it has reconnected

-- 'crowded', or nil: there is room for it to open.
local function room(connection)
    local person = find_person(connection.person)
    local is_full = redis.call('HLEN', PEOPLE) >= MOST_PEOPLE
    if person and person.sockets >= MOST_SOCKETS or not person and is_full then
        return 'crowded'
    end
    return nil
end

-- A socket can be written to. Its person is present from now on, unless they were: 'joined' if that
-- is an event, else 'added'. profile: what the socket's token says of its person, '' or nil if
-- nothing.
local function arrive(connection_id, connection, profile)
    local name = connection.person
    local person = find_person(name)
    local outcome = 'added'
    if person then
        connection.since = counter('version') + 1
        local was_away, before = is_away(person), person.profile
        if person.sockets == 0 then
            redis.call('ZREM', LEAVING, name)
            person.aways = nil
        end
        person = present_on(person.sockets + 1, person)
        if profile and profile ~= '' then
            person.profile = profile
        end
        keep_person(name, person)
        list_staff(name)
        -- Who was away is not, as the new socket has not said so.
        if was_away or person.profile ~= before then
            record_state(name, person)
        end
    else
        outcome = 'joined'
        local fields = { 'person', name, 'at', integer(now) }
        local left = math.floor(tonumber(redis.call('ZSCORE', LEFT, whereabouts(name)) or '-1'))
        if left >= 0 and now - left <= RECONNECT_WINDOW then
            table.insert(fields, 'offline')
            table.insert(fields, integer(now - left))
        end
        connection.since = record_event('user_connected', fields)
        redis.call('ZREM', LEFT, whereabouts(name))
        list_person(name)
        keep_person(name, { at = now, sockets = 1, profile = profile })
    end
    redis.call('HINCRBY', SESSION, 'open', 1)
    keep_connection(connection_id, connection)
    return outcome
end

-- A socket is gone. 'left' if that made, or in grace will make, an event; 'remains' if its person
-- is still present through another (an event if all the others say that they are away); 'unseen' if
-- it had only been admitted.
local function depart(connection_id, connection, reason, close_code, evidence)
    -- Deleting comes first: Redis does it even when it is full, and the rest then too.
    redis.call('HDEL', CONNECTIONS, connection_id)
    forget_lease(connection_id)
    redis.call('ZREM', BEHIND, connection_id)
    redis.call('ZREM', PACE, 'c ' .. connection_id)
    forget_full_buckets()
    if connection.watches then
        -- What it watches is in other slots: whoever took it out ends that, or the sweep does.
        redis.call('ZADD', AGENDA, integer(now), lease_of(connection_id))
    end
    if connection.since == 0 then
        return 'unseen'
    end
    redis.call('HINCRBY', SESSION, 'open', -1)
    local name = connection.person
    local person = find_person(name)
    local was_away = is_away(person)
    person.sockets = person.sockets - 1
    if person.sockets > 0 then
        note_away(person, connection_id, false)
        keep_person(name, person)
        if is_away(person) ~= was_away then
            record_state(name, person)
        end
        return 'remains'
    end
    person.left, person.reason, person.close_code, person.evidence =
        now, reason, close_code, evidence
    if GRACE > 0 and evidence ~= 'server' then
        keep_person(name, person)
        redis.call('ZADD', LEAVING, integer(now + GRACE), name)
    else
        record_departure(name, person)
    end
    return 'left'
end
