-- takes: watchers
--
-- A connection of another session does not watch this one any more. If nobody was ever in it, it
-- was kept only for those who watch, and is forgotten with the last of them.
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
if #others == 0 and counter('version') == 0
    and redis.call('EXISTS', CONNECTIONS, PEOPLE, EVENTS) == 0 then
    redis.call('DEL', SESSION)
end
return own and 1 or 0
