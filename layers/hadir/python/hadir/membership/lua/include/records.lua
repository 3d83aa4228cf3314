-- takes: names, format
--
-- The records of a session's connections and people.

local function find_connection(connection_id)
    local text = redis.call('HGET', CONNECTIONS, connection_id)
    return text and read_record(CONNECTION, text)
end

local function keep_connection(connection_id, connection)
    redis.call('HSET', CONNECTIONS, connection_id, write_record(CONNECTION, connection))
end

local function find_person(name)
    local text = redis.call('HGET', PEOPLE, name)
    return text and read_record(PERSON, text)
end

local function keep_person(name, person)
    redis.call('HSET', PEOPLE, name, write_record(PERSON, person))
end
