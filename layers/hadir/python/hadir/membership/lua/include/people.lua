-- takes: leases, outbox, pace
--
-- People. A person is present from their first open socket until their last one is gone and their
-- grace, if any, is over.

local RECONNECT_WINDOW = 30000    -- ms; who is back within it has reconnected

-- Somebody's entry in the indexes of who is present, and of who has left.
local function whereabouts(name)
    local user_type, user_id = string.match(name, '^([^/]+)/(.+)$')
    return table.concat({ TENANT, user_id, user_type, SESSION_ID }, ' ')
end

-- An agent's or admin's entry in the index of staff; nil for others, who cost it nothing.
local function staff_entry(name)
    local user_type, user_id = string.match(name, '^([^/]+)/(.+)$')
    if user_type == 'agent' or user_type == 'admin' then
        return table.concat({ TENANT, user_type, user_id, SESSION_ID }, ' ')
    end
end

-- Every socket of theirs that opens does this, and none lives longer than 2 h. So the index outlives
-- those in it, and whom older code has let in is in it by then.
local function list_staff(name)
    local entry = staff_entry(name)
    if entry then
        redis.call('ZADD', STAFF, 0, entry)
        redis.call('PEXPIRE', STAFF, RETENTION)
    end
end

local function list_person(name)
    redis.call('ZADD', OCCUPIED, 0, NAME)
    redis.call('ZADD', WHEREABOUTS, 0, whereabouts(name))
    list_staff(name)
end

-- A socket says whether its person is away, or says nothing any more.
local function note_away(person, connection_id, away)
    local listed = person.aways or ','
    local first, last = string.find(listed, ',' .. connection_id .. ',', 1, true)
    if away and not first then
        listed = listed .. connection_id .. ','
    elseif first and not away then
        listed = string.sub(listed, 1, first) .. string.sub(listed, last + 1)
    end
    person.aways = listed ~= ',' and listed or nil
end

-- What is shown of a person has changed while they are present.
local function record_state(name, person)
    local fields = { 'person', name, 'at', integer(now), 'state', person.state or '' }
    if is_away(person) then
        table.insert(fields, 'away')
        table.insert(fields, '1')
    end
    record_event('state', fields)
end

-- The record of a person with that many open sockets, without how they left if they were in grace.
local function present_on(sockets, person)
    return {
        at = person.at, sockets = sockets, profile = person.profile, state = person.state,
        aways = person.aways,
    }
end

-- The person is absent. departure: left (ms), reason, close_code, evidence; and aways and sockets
-- if they are known.
local function record_departure(name, departure)
    redis.call('HDEL', PEOPLE, name)
    redis.call('ZREM', LEAVING, name)
    redis.call('ZREMRANGEBYSCORE', LEFT, '-inf', '(' .. integer(now - RETENTION))
    -- Half a millisecond says that they are not expected back (keys.py).
    local is_over = departure.reason == 'kicked' or is_away(departure)
    local left = integer(departure.left) .. (is_over and '.5' or '')
    redis.call('ZADD', LEFT, left, whereabouts(name))
    redis.call('ZREM', WHEREABOUTS, whereabouts(name))
    local entry = staff_entry(name)
    if entry then
        redis.call('ZREM', STAFF, entry)
    end
    if redis.call('EXISTS', PEOPLE) == 0 then
        redis.call('ZREM', OCCUPIED, NAME)
    end
    record_event('user_disconnected', {
        'person', name, 'at', integer(departure.left), 'reason', departure.reason,
        'close_code', departure.close_code or '', 'evidence', departure.evidence or '',
    })
end

-- 'crowded', or nil: there is room for it to open.
local function room(connection, most_sockets, most_people)
    local person = find_person(connection.person)
    local is_full = redis.call('HLEN', PEOPLE) >= tonumber(most_people)
    if person and person.sockets >= tonumber(most_sockets) or not person and is_full then
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

-- People whose grace is over leave now, in the order in which they went.
local function end_graces()
    local over = {}
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', LEAVING, '-inf', integer(now))) do
        local person = find_person(name)
        person.name = name
        table.insert(over, person)
    end
    table.sort(over, function(a, b)
        return a.left < b.left or (a.left == b.left and a.name < b.name)
    end)
    for _, person in ipairs(over) do
        record_departure(person.name, person)
    end
end
