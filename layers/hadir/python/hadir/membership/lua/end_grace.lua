-- takes: life
--
-- An admin kicks somebody whose grace is running: they leave now.
--
-- Reply   { 1 if they were in grace, else 0; claim }
--
-- Killed before: the grace ends by itself. Killed after: the event is pending.

local token, name = unpack(ARGV, OWN_ARGV)

even_when_full()
if not begin() then
    return { 0, false }
end
local ended = 0
local person = find_person(name)
if person and person.sockets == 0 then
    ended = 1
    record_departure(name, { left = now, reason = 'kicked', evidence = 'server' })
end
return { ended, finish(claim(token)) }
