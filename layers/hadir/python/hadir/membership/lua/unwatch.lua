-- takes: watching
--
-- Sockets do not watch one of a tenant's partitions any more; the last one takes the feed with it.
--
-- Reply   how many of them watched
--
-- Killed before: they watch; what they leave behind is on the agenda of their home session's
-- partition. Killed after: no harm.

local fields = {}
for place = OWN_ARGV, #ARGV do
    table.insert(fields, 'c ' .. ARGV[place])
end
local count = redis.call('HDEL', WATCH, unpack(fields))
finish_feed()
return count
