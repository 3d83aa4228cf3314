-- takes: watchers
--
-- A connection of another session watches this one; or says, with a heartbeat, that it still does.
--
-- Reply   { outcome, place, view }
--   outcome 'watching' from now on: view is the session as it is now
--           'watched'  it did already: view is false
--           'crowded'  too many connections watch: nothing changed
--
-- Killed before: its client hears nothing, and asks again. Killed after: it watches; when it leaves
-- its home session, unwatch_session.lua ends that.

local connection_id, person, most_watchers = unpack(ARGV, OWN_ARGV)

-- A heartbeat only writes again what is stored: even a full Redis has room for that.
local _, known = part_watchers(connection_id)
if known then
    even_when_full()
end
if not begin() then
    create()
end
local others, own = part_watchers(connection_id)
local outcome = own and 'watched' or 'watching'
if not own and #others >= tonumber(most_watchers) then
    outcome = 'crowded'
elseif not own then
    local since = integer(counter('version') + 1)
    table.insert(others, { id = connection_id, since = since, person = person })
    keep_watchers(others)
end
finish()
return { outcome, place(), outcome == 'watching' and view() }
