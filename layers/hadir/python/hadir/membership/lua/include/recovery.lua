-- takes: people, feed_life
--
-- What to do with a session whose keys are not as the last script left them.

local EARLIER = 8    -- lives of which is remembered how far they went

-- They are made only when they are needed, which is seldom: making functions takes time.
local function recovery()
    local found = {}

    -- This node may not have received the last writes before a failover. Clients may have seen
    -- events that it does not hold, and would ignore new ones with the same versions; so a new
    -- epoch begins. It keeps this node's history: a client that has seen no more than that has
    -- missed nothing.
    function found.begin_new_life(epoch, lineage)
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
    end

    -- Redis has evicted some keys of a session and kept others. People with an open connection are
    -- present; others have left for an unknown reason; the sweep looks at every connection again.
    function found.rebuild()
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
            redis.call('ZADD', LEASES, 'NX', integer(now + LEASE), NAME .. ' ' .. all[i])
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

    -- Creates a session; returns its version. If Redis has evicted only its first key, versions go
    -- on from the highest that the others hold. Graces of an earlier session end silently.
    function found.create()
        -- Only then, as a full Redis would take the rest after a DEL.
        if redis.call('EXISTS', BEHIND, LEAVING) > 0 then
            redis.call('DEL', BEHIND, LEAVING)
        end
        local version = 0
        for _, last in ipairs(redis.call('XREVRANGE', EVENTS, '+', '-', 'COUNT', 1)) do
            version = tonumber(string.match(last[1], '^%d+'))
        end
        -- Even of an empty stream, it says which versions that refuses; nothing if the Redis user
        -- may not ask.
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
        redis.call('HSET', SESSION, 'epoch', EPOCH, 'lineage', lineage_now(), 'version',
            integer(version), 'announced', integer(version), 'open', 0)
        return version
    end

    return found
end
