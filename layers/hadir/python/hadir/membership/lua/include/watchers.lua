-- takes: life
--
-- The connections that watch this session from elsewhere. They are few, and told of every event, so
-- they are one field of the session's hash, which whoever announces reads anyway: for each its id,
-- the first version that it is told of, its person.

local function read_watchers()
    local found = {}
    local text = redis.call('HGET', SESSION, 'watchers') or ''
    for id, since, person in string.gmatch(text, '([^ ]+) ([^ ]+) ([^ ]+)') do
        table.insert(found, { id = id, since = since, person = person })
    end
    return found
end

local function keep_watchers(list)
    local words = {}
    for _, each in ipairs(list) do
        table.insert(words, table.concat({ each.id, each.since, each.person }, ' '))
    end
    if #words > 0 then
        redis.call('HSET', SESSION, 'watchers', table.concat(words, ' '))
    else
        redis.call('HDEL', SESSION, 'watchers')
    end
end

-- Returns the others, and the one with that id, or nil.
local function part_watchers(connection_id)
    local others, own = {}, nil
    for _, each in ipairs(read_watchers()) do
        if each.id == connection_id then
            own = each
        else
            table.insert(others, each)
        end
    end
    return others, own
end
