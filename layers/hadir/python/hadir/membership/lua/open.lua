-- A socket can be written to: its user is present.
--
-- ARGV[6] connection id
-- ARGV[7] token of the caller, should it become the announcer
-- ARGV[8] '1' if the client has just been heard, '0' if the platform says that it is there
-- Reply   { outcome, claim, view }    view is false on 'joined', where the event brings the status,
--                                     and on 'unknown'
--   outcome 'joined'  the user's first socket: an event, told to everyone, the newcomer among them
--           'added'   the user was present: no event; the socket is told of events from now on
--           'open'    it was open already; its lease is renewed
--           'unknown' not admitted, or gone: unchanged
--
-- Killed before: the connection stays admitted, and its first message or the sweep opens it.
-- Killed after: the event is pending.

local connection_id = ARGV[6]

local member = begin() and find_connection(connection_id)
if not member then
    forget_lease(connection_id)
    return { 'unknown', false, false }
end
local outcome = 'open'
if ARGV[8] == '1' then
    member.heard = now
end
if member.since == 0 then
    outcome = arrive(connection_id, member)
else
    write_connection(connection_id, member)
end
renew_lease(connection_id)
local claimed = claim(ARGV[7])
finish()
return { outcome, claimed, outcome ~= 'joined' and view() }
