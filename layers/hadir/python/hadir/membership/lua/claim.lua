-- Takes the announcing lease if events are pending and nobody announces; ends graces that are over.
--
-- ARGV[6] token of the caller
-- Reply   { claim }
--
-- Killed after: the lease runs out, and the next claimant gets the same.

even_when_full()
if not begin() then
    redis.call('ZREM', AGENDA, NAME)
    return { false }
end
local claimed = claim(ARGV[6])
finish()
return { claimed }
