-- Many sessions of one partition as they are now, each as view.lua replies; changes nothing.
--
-- KEYS[1], …: two for each session: its hash, and its people
-- Reply   for each session { epoch, version, people as HGETALL, who has it or '',
--         whether they have gone }

local found = {}
for place = 1, #KEYS, 2 do
    local known = redis.call('HMGET', KEYS[place], 'epoch', 'version', 'assigned',
        'assignee_gone')
    local holder = known[3] or nil
    table.insert(found, {
        known[1] or '', tonumber(known[2] or '0'), redis.call('HGETALL', KEYS[place + 1]),
        holder, holder and known[4] == holder and 1 or nil,
    })
end
return found
