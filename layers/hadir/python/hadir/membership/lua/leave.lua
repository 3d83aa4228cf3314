-- A socket is gone.
--
-- KEYS[4] tombstone of the connection
-- ARGV    now, connection_id, token (of the caller, should it become the announcer; '' if it is
--         the announcer already), tombstone lifetime (ms)
-- Reply   { outcome, claim, number of connections that remain }
--   outcome 'left'    the user's last socket: an event
--           'remains' the user is still present through another socket: no event
--           'unseen'  it had only been admitted: nobody was told of it, so no event
--           'unknown' not admitted, or gone already; the tombstone keeps a late $connect out
--
-- Killed before: nothing happened. Killed after: the event is pending.

local connection_id = ARGV[2]
local record = redis.call('HGET', CONNECTIONS, connection_id)
local outcome = 'unknown'

redis.call('SET', KEYS[4], '1', 'PX', ARGV[4])
if record then
    local member = read_record(record)
    redis.call('HDEL', CONNECTIONS, connection_id)
    if member.since == 0 then
        outcome = 'unseen'
    elseif present_otherwise(member.user_id, connection_id) then
        outcome = 'remains'
    else
        outcome = 'left'
        record_event('user_disconnected', member)
    end
    keep_alive()
end
return { outcome, claim(ARGV[3]), redis.call('HLEN', CONNECTIONS) }
