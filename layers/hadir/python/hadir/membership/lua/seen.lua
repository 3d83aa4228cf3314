-- takes: clock
--
-- Which of some people are present in sessions of one partition, or have left one a moment ago;
-- changes nothing.
--
-- KEYS[1] whereabouts   KEYS[2] left   KEYS[3] erased
-- ARGV[1] now
-- ARGV[2] how long ago that moment may be (ms)
-- ARGV[3], …: the people, each as `tenant user_id user_type`
-- Reply   the numbers of those that were seen, from 1
--
-- All indexes are read at once. So somebody who goes from one partition to another, while they are
-- read one after the other, is seen in one of them.

local FIRST = 3

local recently = {}
local since = integer(now - ARGV[2])
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], since, '+inf')) do
    recently[string.match(entry, '^(.+) [^ ]+$')] = true
end
for _, who in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], since, '+inf')) do
    recently[who] = true
end
local seen = {}
for place = FIRST, #ARGV do
    local who = ARGV[place]
    local entries = redis.call('ZRANGEBYLEX', KEYS[1], '[' .. who .. ' ', '(' .. who .. '!',
        'LIMIT', 0, 1)
    if recently[who] or entries[1] then
        table.insert(seen, place - FIRST + 1)
    end
end
return seen
