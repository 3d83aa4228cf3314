-- What every script on a session shares; scripts.py puts this text before each of them.
--
-- KEYS[1] session     hash     KEYS[2] connections  hash     KEYS[3] events  stream
-- KEYS[4] leaving     hash     KEYS[5] left         hash     KEYS[6] pace    hash
-- KEYS[7] leases      zset     KEYS[8] agenda       zset     (from here on the partition's; see
-- KEYS[9] occupied    zset     KEYS[10] people      zset     keys.py)
-- ARGV[1] now         ms, or '' for Redis's own clock
-- ARGV[2] lease       ms a connection is believed in without being heard
-- ARGV[3] grace       ms a person who left may come back in as if they had never gone
-- ARGV[4] epoch       a name for a new life of the session, should one begin
-- ARGV[5] session     tenant/session_id
--
-- Every script runs to its end or not at all. What its caller does not live to do about the reply
-- is still pending in the session and is handed to the next claimant (claim, below).

local SESSION, CONNECTIONS, EVENTS, LEAVING, LEFT, PACE = unpack(KEYS, 1, 6)
local LEASES, AGENDA, OCCUPIED, PEOPLE = unpack(KEYS, 7, 10)
local LEASE, GRACE, EPOCH, NAME = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]

local ANNOUNCING_LEASE = 10000    -- ms; an announcer that has not settled for so long has died
local RECONNECT_WINDOW = 30000    -- ms; who is back within it has reconnected
local RETENTION = 86400000        -- ms; longer than any socket lives (2 h), so a live session stays
local HISTORY = 1000              -- announced events kept, and for RETENTION at most
local BATCH = 100                 -- events handed out at a time

local function counter(field)
    return tonumber(redis.call('HGET', SESSION, field) or '0')
end

-- A connection's record: user_id, user_type, since (first version it is told of; 0: only
-- admitted), at (ms since when its user is present; was admitted), heard (ms of its last message;
-- 0: never), expires (ms; what it proved is good until then; 0: for good). Ids hold no blank.
local function read_record(record)
    local user_id, user_type, since, at, heard, expires =
        string.match(record, '^(%S+) (%S+) (%d+) (%d+) (%d+) (%d+)$')
    return {
        user_id = user_id,
        user_type = user_type,
        since = tonumber(since),
        at = tonumber(at),
        heard = tonumber(heard),
        expires = tonumber(expires),
    }
end

local function find_connection(connection_id)
    local record = redis.call('HGET', CONNECTIONS, connection_id)
    return record and read_record(record)
end

local function write_connection(connection_id, member)
    redis.call('HSET', CONNECTIONS, connection_id, string.format('%s %s %s %s %s %s',
        member.user_id, member.user_type, integer(member.since), integer(member.at),
        integer(member.heard), integer(member.expires)))
end

local function has_expired(member)
    return member.expires > 0 and member.expires <= now
end

-- Somebody looks when it runs out: at the latest when what the connection proved expires.
local function renew_lease(connection_id, member)
    local due = now + LEASE
    if member.expires > 0 then
        due = math.min(due, member.expires)
    end
    redis.call('ZADD', LEASES, integer(due), NAME .. ' ' .. connection_id)
end

local function forget_lease(connection_id)
    redis.call('ZREM', LEASES, NAME .. ' ' .. connection_id)
end

-- The index entry of somebody who is present: their tenant's, by name.
local function whereabouts(user_id)
    local tenant, session_id = string.match(NAME, '^([^/]+)/(.+)$')
    return tenant .. '/' .. user_id .. ' ' .. session_id
end

-- Since when a connection other than connection_id keeps user_id present; nil if none does.
local function present_since(user_id, connection_id)
    local all = redis.call('HGETALL', CONNECTIONS)
    for i = 1, #all, 2 do
        if all[i] ~= connection_id then
            local member = read_record(all[i + 1])
            if member.user_id == user_id and member.since > 0 then
                return member.at
            end
        end
    end
    return nil
end

-- Whether anybody is present, or may still come back in grace.
local function is_occupied()
    for _, record in ipairs(redis.call('HVALS', CONNECTIONS)) do
        if read_record(record).since > 0 then
            return true
        end
    end
    return redis.call('HLEN', LEAVING) > 0
end

-- Appends an event, which is pending from here on; returns its version. fields: name, value, …
local function record_event(event_type, fields)
    local version = redis.call('HINCRBY', SESSION, 'version', 1)
    redis.call('XADD', EVENTS, integer(version) .. '-0', 'type', event_type, unpack(fields))
    return version
end

-- The user is absent. departure: user_id, user_type, at, reason, close_code, evidence.
local function record_departure(departure)
    local left = redis.call('HGETALL', LEFT)
    for i = 1, #left, 2 do
        if now - tonumber(left[i + 1]) > RECONNECT_WINDOW then
            redis.call('HDEL', LEFT, left[i])
        end
    end
    redis.call('HSET', LEFT, departure.user_id, integer(departure.at))
    redis.call('ZREM', PEOPLE, whereabouts(departure.user_id))
    if not is_occupied() then
        redis.call('ZREM', OCCUPIED, NAME)
    end
    record_event('user_disconnected', {
        'user_id', departure.user_id, 'user_type', departure.user_type,
        'at', integer(departure.at), 'reason', departure.reason,
        'close_code', departure.close_code, 'evidence', departure.evidence,
    })
end

-- The node's data may be older than what clients have seen: it was promoted or restarted, and had
-- not been told of the last writes. Its versions would be taken for seen ones, so a new life of
-- the session begins, in which what was pending comes first.
local function begin_new_life(lineage)
    local announced = counter('announced')
    local pending = redis.call('XRANGE', EVENTS, '(' .. integer(announced), '+')
    redis.call('DEL', EVENTS)
    for version, entry in ipairs(pending) do
        redis.call('XADD', EVENTS, integer(version) .. '-0', unpack(entry[2]))
    end
    local all = redis.call('HGETALL', CONNECTIONS)
    for i = 1, #all, 2 do
        local member = read_record(all[i + 1])
        if member.since > 0 then
            member.since = math.max(member.since - announced, 1)
            write_connection(all[i], member)
        end
    end
    local handed_out = math.max(counter('claimed') - announced, 0)
    redis.call('HDEL', SESSION, 'token', 'until', 'claimed', 'recovered_up_to')
    redis.call('HSET', SESSION, 'epoch', EPOCH, 'lineage', lineage, 'version', #pending,
        'announced', 0, 'recovered_up_to', handed_out)
end

-- The people whose grace is over leave now, in the order they went.
local function end_graces()
    local all = redis.call('HGETALL', LEAVING)
    local over = {}
    for i = 1, #all, 2 do
        local user_type, connected_at, deadline, at, reason, close_code, evidence =
            string.match(all[i + 1], '^(%S+) (%d+) (%d+) (%d+) (%S+) (%d*) (%S+)$')
        if tonumber(deadline) <= now then
            table.insert(over, {
                user_id = all[i], user_type = user_type, at = tonumber(at), reason = reason,
                close_code = close_code, evidence = evidence,
            })
        end
    end
    table.sort(over, function(a, b)
        return a.at < b.at or (a.at == b.at and a.user_id < b.user_id)
    end)
    for _, departure in ipairs(over) do
        redis.call('HDEL', LEAVING, departure.user_id)
        record_departure(departure)
    end
end

-- Redis refuses a script's first write when it is full, unless that deletes: what must go on then
-- begins with this.
local function even_when_full()
    redis.call('ZREM', AGENDA, '')
end

-- What every script that changes a session does first; whether there is a session.
local function begin()
    local known = redis.call('HMGET', SESSION, 'epoch', 'lineage')
    if not known[1] then
        return false
    end
    local lineage = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
    if known[2] ~= lineage then
        begin_new_life(lineage)
    end
    end_graces()
    return true
end

-- A new session; nothing of an earlier one may be left, or its versions would clash with ours.
local function create()
    local lineage = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
    redis.call('HSET', SESSION, 'epoch', EPOCH, 'lineage', lineage)
    redis.call('DEL', CONNECTIONS, EVENTS, LEAVING, LEFT, PACE)
end

-- A socket can be written to. Its user is present from now on, unless they were: 'joined' if that
-- is an event, else 'added'.
local function arrive(connection_id, member)
    local outcome = 'added'
    local in_grace = redis.call('HGET', LEAVING, member.user_id)
    local since = in_grace and tonumber(string.match(in_grace, '^%S+ (%d+)'))
        or present_since(member.user_id, connection_id)
    member.at = since or now
    if since then
        redis.call('HDEL', LEAVING, member.user_id)
        member.since = counter('version') + 1
    else
        outcome = 'joined'
        local fields = {
            'user_id', member.user_id, 'user_type', member.user_type, 'at', integer(now),
        }
        local left = tonumber(redis.call('HGET', LEFT, member.user_id) or '-1')
        if left >= 0 and now - left <= RECONNECT_WINDOW then
            table.insert(fields, 'offline')
            table.insert(fields, integer(now - left))
        end
        member.since = record_event('user_connected', fields)
        redis.call('HDEL', LEFT, member.user_id)
        redis.call('ZADD', OCCUPIED, 0, NAME)
        redis.call('ZADD', PEOPLE, 0, whereabouts(member.user_id))
    end
    write_connection(connection_id, member)
    return outcome
end

-- A token bucket, kept as the time (ms) when it will be full again (GCRA): each draw takes it
-- 1000 / rate further. Returns that time, and how much of the burst would be in use: up to 1 there
-- is room.
local function draw(field, rate, burst)
    local full_at = math.max(tonumber(redis.call('HGET', PACE, field) or '0'), now) + 1000 / rate
    return full_at, (full_at - now) * rate / 1000 / burst
end

local function keep_bucket(field, full_at)
    redis.call('HSET', PACE, field, string.format('%.3f', full_at))
end

-- Buckets that are full again say nothing any more.
local function forget_full_buckets()
    local all = redis.call('HGETALL', PACE)
    for i = 1, #all, 2 do
        if tonumber(all[i + 1]) <= now then
            redis.call('HDEL', PACE, all[i])
        end
    end
end

-- KEYS[11] is the tombstone of a connection, which says why it left; the first reason stands.
local function bury(reason, lifetime)
    redis.call('SET', KEYS[11], reason, 'NX')
    redis.call('PEXPIRE', KEYS[11], lifetime)
end

-- A socket is gone. 'left' if that made, or in grace will make, an event; 'remains' if its user is
-- still present through another; 'unseen' if it had only been admitted.
local function depart(connection_id, member, reason, close_code, evidence)
    -- Deleting comes first: Redis does it even when it is full, and the rest then too.
    redis.call('HDEL', CONNECTIONS, connection_id)
    forget_lease(connection_id)
    redis.call('HDEL', PACE, 'c ' .. connection_id)
    forget_full_buckets()
    if member.since == 0 then
        return 'unseen'
    end
    if present_since(member.user_id, connection_id) then
        return 'remains'
    end
    if GRACE > 0 and evidence ~= 'server' then
        redis.call('HSET', LEAVING, member.user_id, string.format('%s %s %s %s %s %s %s',
            member.user_type, integer(member.at), integer(now + GRACE), integer(now), reason,
            close_code, evidence))
    else
        record_departure({
            user_id = member.user_id, user_type = member.user_type, at = now, reason = reason,
            close_code = close_code, evidence = evidence,
        })
    end
    return 'left'
end

-- The session as it is now: epoch, version, connections and people in grace as HGETALL.
local function view()
    return {
        redis.call('HGET', SESSION, 'epoch') or '',
        counter('version'),
        redis.call('HGETALL', CONNECTIONS),
        redis.call('HGETALL', LEAVING),
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
        redis.call('HDEL', SESSION, 'token', 'until', 'claimed', 'recovered_up_to')
        return false
    end
    local last = string.match(pending[#pending][1], '^%d+')
    redis.call('HSET', SESSION, 'token', token, 'until', integer(now + ANNOUNCING_LEASE),
        'claimed', last, 'recovered_up_to', integer(recovered_up_to))
    return { recovered_up_to, pending, view() }
end

-- When somebody must look at the session at the latest: when the announcer has died, when a grace
-- is over, at once if events are pending and nobody announces.
local function next_look()
    local due
    if redis.call('HEXISTS', SESSION, 'token') == 1 then
        due = counter('until')
    elseif counter('version') > counter('announced') then
        due = now
    end
    for _, record in ipairs(redis.call('HVALS', LEAVING)) do
        local deadline = tonumber(string.match(record, '^%S+ %d+ (%d+)'))
        due = math.min(due or deadline, deadline)
    end
    return due
end

-- Of the events that everyone has been told, a few that are too old.
local function forget_old_events()
    for _ = 1, 10 do
        local first = redis.call('XRANGE', EVENTS, '-', integer(counter('announced')), 'COUNT', 1)
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

-- What every script that changes a session does last.
local function finish()
    local due = next_look()
    if due then
        redis.call('ZADD', AGENDA, integer(due), NAME)
    else
        redis.call('ZREM', AGENDA, NAME)
    end
    forget_old_events()
    for i = 1, 10 do
        redis.call('PEXPIRE', KEYS[i], RETENTION)
    end
end
