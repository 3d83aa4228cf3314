-- takes: life
--
-- Takes the announcing lease if events are pending, or the status is owed to somebody, and nobody
-- announces; ends graces that are over.
--
-- Reply   { claim }
--
-- Killed after: the lease runs out, and the next claimant gets the same.

local token = unpack(ARGV, OWN_ARGV)

even_when_full()
if not begin() then
    redis.call('ZREM', AGENDA, NAME)
    return { false }
end
return { finish(claim(token)) }
