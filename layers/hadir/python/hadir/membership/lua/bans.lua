-- takes: keeping_out
--
-- A part of a tenant's bans, those that are over first first; forgets those that are over.
--
-- Reply   { name, end, record, … }: at most so many, one more where there are more
--
-- Killed before or after: nothing that counts has changed.

-- The end and the name that all of it comes after; '' and '' for the first. Bans at most.
local after_end, after_name, most = unpack(ARGV, OWN_ARGV)

forget_those_over()
local first = 0
if after_name ~= '' then
    -- Where it stands, or would: it may have been lifted meanwhile, or have got another end.
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
