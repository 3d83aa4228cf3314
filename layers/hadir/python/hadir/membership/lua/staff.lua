-- takes: format
--
-- Whether agents and admins who are in the index of staff of one partition are present, away, and
-- heard. Changes nothing.
--
-- KEYS[1], …: two for each entry of the index: the people and the connections of its session
-- ARGV[1] now
-- ARGV[2], …: the person of each entry
-- Reply   for each entry, in order: { 1 if the person is away, else 0; how long ago one of their
--         clients that does not say that its user is away was last heard (ms), -1: never }; false if
--         they are not present, or their session cannot be read
--
-- Killed before or after: nothing has changed.

local heard = {}    -- the people of each session that was looked at: for each their clients

-- The clients of all people in a session, which are read once.
local function clients_in(connections)
    if not heard[connections] then
        heard[connections] = {}
        local all = redis.call('HGETALL', connections)
        for i = 1, #all, 2 do
            local connection = read_record(CONNECTION, all[i + 1])
            local theirs = heard[connections][connection.person] or {}
            heard[connections][connection.person] = theirs
            if connection.since > 0 then
                table.insert(theirs, { id = all[i], heard = connection.heard })
            end
        end
    end
    return heard[connections]
end

local function attendance(people, connections, name)
    local text = redis.call('HGET', people, name)
    if not text then
        return false
    end
    local person, last = read_record(PERSON, text), 0
    if is_away(person) then
        return { 1, -1 }
    end
    for _, client in ipairs(clients_in(connections)[name] or {}) do
        if not string.find(person.aways or '', ',' .. client.id .. ',', 1, true) then
            last = math.max(last, client.heard)
        end
    end
    return { 0, last > 0 and math.max(now - last, 0) or -1 }
end

local found = {}
for place = 1, #KEYS / 2 do
    local ok, each = pcall(attendance, KEYS[2 * place - 1], KEYS[2 * place], ARGV[place + 1])
    found[place] = ok and each
end
return found
