-- $connect accepted a socket that cannot be written to yet: it is known, nobody is told.
--
-- KEYS[11] tombstone of the connection
-- ARGV[6] connection id, user id, user type, expires (ms; 0: never)
-- ARGV[10] most connections of a user in a session, most people in a session
-- ARGV[12] messages a second of a connection, and at once: a user may join twice as often
-- Reply   'admitted' | 'repeated' (known already, unchanged) | 'left' ($disconnect overtook us)
--         'crowded' (the user has too many connections) | 'full' (the session has too many people)
--         'hasty' (the user comes and goes too fast)
--
-- Killed before: the client's $connect fails and it tries again. Killed after: the client's first
-- message opens the connection, or the sweep does.

local connection_id, user_id = ARGV[6], ARGV[7]

-- Connections of the user, other people.
local function count()
    local own, others, known = 0, 0, {}
    for _, record in ipairs(redis.call('HVALS', CONNECTIONS)) do
        local other = read_record(record).user_id
        if other == user_id then
            own = own + 1
        elseif not known[other] then
            known[other] = true
            others = others + 1
        end
    end
    return own, others
end

if redis.call('EXISTS', KEYS[11]) == 1 then
    return 'left'
end
if not begin() then
    create()
end
if redis.call('HEXISTS', CONNECTIONS, connection_id) == 1 then
    finish()
    return 'repeated'
end
local own, others = count()
if own >= tonumber(ARGV[10]) or others >= tonumber(ARGV[11]) then
    finish()
    return own >= tonumber(ARGV[10]) and 'crowded' or 'full'
end
local bucket, use = draw('j ' .. user_id, 2 * tonumber(ARGV[12]), 2 * tonumber(ARGV[13]))
if use > 1 then
    finish()
    return 'hasty'
end
keep_bucket('j ' .. user_id, bucket)
local member = {
    user_id = user_id, user_type = ARGV[8], since = 0, at = now, heard = 0,
    expires = tonumber(ARGV[9]),
}
write_connection(connection_id, member)
renew_lease(connection_id, member)
finish()
return 'admitted'
