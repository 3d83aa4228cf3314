-- takes: watching
--
-- Takes the announcing lease of a feed if entries are pending and nobody announces them.
--
-- Reply   { claim }
--
-- Killed after: the lease runs out, and the next claimant gets the same.

local token = unpack(ARGV, OWN_ARGV)

redis.call('ZREM', AGENDA, '')    -- deleting comes first: Redis does it even when it is full
local claimed = claim_feed(token)
finish_feed()
return { claimed }
