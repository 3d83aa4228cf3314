-- takes: watching
--
-- A socket watches all of a tenant's sessions in one partition; or says, with a heartbeat, that it
-- still does. Begins the feed if there was none.
--
-- Reply   { where the feed is, the feed's last serial, entries after `since` as XRANGE }
--         'crowded' too many sockets watch: nothing changed
--         The first is the last serial that was posted to everyone; also what is pending, if nobody
--         is about to post it. The entries are false if `since` is '', of an earlier life of the
--         feed, not kept, or more than asked for.
--
-- Killed before: its client hears nothing, and asks again. Killed after: it watches; when it leaves
-- its home session, unwatch.lua ends that.

-- whose: the watcher's home session and person. since: the last serial that its client knows, or ''.
-- most: entries. most_watchers: of one feed.
local connection_id, whose, since, most, most_watchers = unpack(ARGV, OWN_ARGV)

local function missed(first, serial)
    local known = tonumber(since)
    if not known or known < first or known > serial or serial - known > tonumber(most) then
        return false
    end
    local entries = redis.call('XRANGE', FEED, '(' .. since, '+')
    -- Serials have no gaps: a shorter answer means that the oldest are gone.
    return #entries == serial - known and entries
end

local field = 'c ' .. connection_id
local known = redis.call('HMGET', WATCH, 'serial', 'announced', 'first', 'lineage', 'token',
    'until', field)
if not known[7] then
    if #watchers() >= tonumber(most_watchers) then
        return 'crowded'
    end
    redis.call('HSET', WATCH, field, whose)
end
local serial, announced, first = tonumber(known[1]), tonumber(known[2]), tonumber(known[3])
local lineage = lineage_now()
if not serial or (lineage ~= '' and known[4] ~= lineage) then
    serial = begin_feed(WATCH, FEED, lineage, serial or 0)
    announced, first = serial, serial
end
local is_announced = known[5] and tonumber(known[6]) > now
finish_feed()
return { integer(is_announced and announced or serial), integer(serial), missed(first, serial) }
