-- takes: arrivals
--
-- Removes connections whose sockets are gone.
--
-- Its own keys: the connections' tombstones, in their order
-- Reply   { outcome of each, claim, number of connections that remain, those that watched others }
--   outcome 'left'    the person's last socket: an event, at once or when the grace is over
--           'remains' the person is still present through another socket: no event, unless all
--                     their other sockets say that they are away
--           'unseen'  it had only been admitted: nobody was told of it, so no event
--           'unknown' not admitted, or gone already; the tombstone keeps a late $connect out
--
-- Killed before: the lease runs out, and the sweep finds the socket gone. Killed after: the event
-- is pending, or the person in grace, and both on the agenda.

-- token: of the caller, should it become the announcer; '' if it is the announcer already. Then the
-- connections.
local FIRST = OWN_ARGV + 5
local token, reason, close_code, evidence, tombstone_lifetime = unpack(ARGV, OWN_ARGV, FIRST - 1)

local outcomes, claimed, watched = {}, false, {}
even_when_full()
local known = begin()
for place = FIRST, #ARGV do
    local connection_id, outcome = ARGV[place], 'unknown'
    local connection = known and find_connection(connection_id)
    if connection then
        if connection.watches then
            table.insert(watched, connection_id)
        end
        outcome = depart(connection_id, connection, reason, close_code, evidence)
    else
        forget_lease(connection_id)
    end
    bury(KEYS[OWN_KEY + place - FIRST], reason, tombstone_lifetime)
    table.insert(outcomes, outcome)
end
if known then
    claimed = finish(claim(token))
end
return { outcomes, claimed, redis.call('HLEN', CONNECTIONS), watched }
