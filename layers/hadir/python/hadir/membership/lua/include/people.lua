-- takes: outbox
--
-- People. A person is present from their first open socket until their last one is gone and their
-- grace, if any, is over.

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
