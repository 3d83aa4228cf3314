-- A socket is gone.
--
-- KEYS[11] tombstone of the connection
-- ARGV[6] connection id
-- ARGV[7] token of the caller, should it become the announcer; '' if it is the announcer already
-- ARGV[8] reason, close code ('' if there is none), evidence, tombstone lifetime (ms)
-- Reply   { outcome, claim, number of connections that remain }
--   outcome 'left'    the user's last socket: an event, at once or when the grace is over
--           'remains' the user is still present through another socket: no event
--           'unseen'  it had only been admitted: nobody was told of it, so no event
--           'unknown' not admitted, or gone already; the tombstone keeps a late $connect out
--
-- Killed before: the lease runs out, and the sweep finds the socket gone. Killed after: the event
-- is pending, or the person in grace, and both on the agenda.

local connection_id = ARGV[6]
local outcome, claimed = 'unknown', false

local known = begin()
local member = known and find_connection(connection_id)
if member then
    outcome = depart(connection_id, member, ARGV[8], ARGV[9], ARGV[10])
else
    forget_lease(connection_id)
end
bury(ARGV[8], ARGV[11])
if known then
    claimed = claim(ARGV[7])
    finish()
end
return { outcome, claimed, redis.call('HLEN', CONNECTIONS) }
