-- takes: keeping_out
--
-- A page of a tenant's bans, in the order in which they end; deletes those that have ended.
--
-- Reply   { name, end, record, … }: one more than asked for, if there are more
--
-- Killed before or after: nothing that counts has changed.

-- The page begins after this end and name, '' and '' for the first page; the most bans on it.
local after_end, after_name, most = unpack(ARGV, OWN_ARGV)

forget_those_over()
local first = 0
if after_name ~= '' then
    -- Its rank, or the one it would have: it may have been lifted or changed meanwhile.
    first = redis.call('ZCOUNT', ENDS, '-inf', '(' .. after_end)
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', ENDS, after_end, after_end)) do
        if name <= after_name then
            first = first + 1
        end
    end
end
local listed = {}
local found = redis.call('ZRANGE', ENDS, first, first + most, 'WITHSCORES')
for i = 1, #found, 2 do
    table.insert(listed, found[i])
    table.insert(listed, found[i + 1])
    table.insert(listed, redis.call('HGET', BANS, found[i]) or '')
end
return listed
