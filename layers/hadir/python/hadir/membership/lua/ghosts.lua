-- What Redis has evicted may have left people in one partition's index who are in no session of
-- theirs: they are taken off it.
--
-- KEYS[1] whereabouts   KEYS[2], …: people of the session of each
-- ARGV[1], …: for each two: its name in the index, and the person
-- Reply   how many were taken off
--
-- Looked at and taken off in one step: who joins meanwhile is not lost. Killed before or after:
-- nothing; the next audit does the same.

local count = 0
for place = 2, #KEYS do
    local name, person = ARGV[2 * place - 3], ARGV[2 * place - 2]
    if redis.call('HEXISTS', KEYS[place], person) == 0 then
        count = count + redis.call('ZREM', KEYS[1], name)
    end
end
return count
