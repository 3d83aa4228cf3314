-- A socket can be written to: its user is present.
--
-- ARGV    now, connection_id, token (of the caller, should it become the announcer)
-- Reply   { outcome, claim, view }    view is false on 'joined': the event brings the status
--   outcome 'joined'  the user's first socket: an event, told to everyone, the newcomer among them
--           'added'   the user was present: no event; the socket is told of events from now on
--           'open'    it was open already, unchanged
--           'unknown' not admitted, or gone: unchanged
--
-- Killed before: the connection stays admitted, and its first message opens it. Killed after: the
-- event is pending.

local connection_id = ARGV[2]
local record = redis.call('HGET', CONNECTIONS, connection_id)
local outcome = 'unknown'

if record then
    local member = read_record(record)
    outcome = 'open'
    if member.since == 0 then
        member.at = now
        if present_otherwise(member.user_id, connection_id) then
            outcome = 'added'
            member.since = counter('version') + 1
        else
            outcome = 'joined'
            member.since = record_event('user_connected', member)
        end
        write_record(connection_id, member)
    end
    keep_alive()
end
return { outcome, claim(ARGV[3]), outcome ~= 'joined' and view() }
