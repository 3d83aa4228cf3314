-- takes: chronicle
--
-- All that is known of why somebody is here, or is not; changes nothing.
--
-- Reply   { what past.lua replies, connections as HGETALL, for each of them when its lease runs out
--         (ms; false if it has none), sockets that are owed the status and since when (ms), people
--         in grace and until when (ms) }

local AT_ONCE = 1000    -- values that Lua can hand to one command are limited

local connections = redis.call('HGETALL', CONNECTIONS)
local names, leases = {}, {}
for i = 1, #connections, 2 do
    table.insert(names, NAME .. ' ' .. connections[i])
end
for first = 1, #names, AT_ONCE do
    local last = math.min(first + AT_ONCE - 1, #names)
    for _, lease in ipairs(redis.call('ZMSCORE', LEASES, unpack(names, first, last))) do
        table.insert(leases, lease)
    end
end
return {
    { now, view(), chronicle() }, connections, leases,
    redis.call('ZRANGE', BEHIND, 0, -1, 'WITHSCORES'),
    redis.call('ZRANGE', LEAVING, 0, -1, 'WITHSCORES'),
}
