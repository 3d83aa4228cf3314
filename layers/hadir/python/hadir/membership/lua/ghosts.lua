-- After Redis has evicted keys, an index of one partition may name people who are no longer in the
-- session that it names. This script removes those entries.
--
-- KEYS[1] whereabouts, or staff   KEYS[2], …: for each entry, the people of its session
-- ARGV[1], …: two for each entry: its name in the index, and the person
-- Reply   how many were removed
--
-- An entry is checked and removed in one step, so a person who joins meanwhile is not lost. Killed
-- before or after: no harm; the next audit does the same.

local count = 0
for place = 2, #KEYS do
    local name, person = ARGV[2 * place - 3], ARGV[2 * place - 2]
    if redis.call('HEXISTS', KEYS[place], person) == 0 then
        count = count + redis.call('ZREM', KEYS[1], name)
    end
end
return count
