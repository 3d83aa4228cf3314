-- takes: life, leases, pace
--
-- $connect accepted a socket, which cannot be written to yet: its connection is recorded, nobody is
-- told.
--
-- Its own key: tombstone of the connection
-- Reply   'admitted' | 'repeated' (known already, unchanged) | 'left' ($disconnect overtook us)
--         'crowded' (the person has too many open sockets)
--         'full' (the session has too many people)
--         'hasty' (the person joins and leaves so often that the posts exceed their limit)
--
-- Connections that are only admitted do not count, so that abandoned handshakes keep nobody out.
-- open.lua checks the limits again, for sockets that were admitted at the same time.
--
-- Killed before: the client's $connect fails and it tries again. Killed after: the client's first
-- message opens the connection, or the sweep does.

local connection_id, person_name, expires = unpack(ARGV, OWN_ARGV)

local function refusal()
    local person = find_person(person_name)
    if person and person.sockets >= MOST_SOCKETS then
        return 'crowded'
    end
    if not person and redis.call('HLEN', PEOPLE) >= MOST_PEOPLE then
        return 'full'
    end
    -- Its price: a join, and the leave that follows, are posted to everyone who is here.
    local price = 2 * (counter('open') + 1)
    local joins = draw(PACE, 'j ' .. person_name, 1, PERSONS_RATE, PERSONS_BURST)
    local posts = draw(PACE, 'p ' .. person_name, price, POSTS_RATE, POSTS_BURST)
    if joins.use > 1 or posts.use > 1 then
        return 'hasty'
    end
    take(joins)
    take(posts)
    return nil
end

if redis.call('EXISTS', KEYS[OWN_KEY]) == 1 then
    return 'left'
end
if not begin() then
    create()
end
local outcome = redis.call('HEXISTS', CONNECTIONS, connection_id) == 1 and 'repeated' or refusal()
if not outcome then
    outcome = 'admitted'
    local connection = {
        person = person_name, since = 0, heard = 0, expires = tonumber(expires), beats = 0,
    }
    keep_connection(connection_id, connection)
    renew_lease(connection_id, connection)
end
finish()
return outcome
