-- takes: watchers
--
-- A connection of another session does not watch this one any more.
--
-- Reply   1 if it did, else 0
--
-- Killed before: it watches; what it leaves behind is on the agenda of its home session's
-- partition. Killed after: no harm.

local connection_id = unpack(ARGV, OWN_ARGV)

even_when_full()
if not begin() then
    return 0
end
local others, own = part_watchers(connection_id)
if own then
    keep_watchers(others)
end
finish()
return own and 1 or 0
