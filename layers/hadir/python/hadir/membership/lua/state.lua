-- takes: life, pace
--
-- A client sets its person's state, which everyone is shown.
--
-- Reply   { outcome, claim, view }
--         claim is false but on 'set' and 'same': what is refused announces nothing
--         view is false but on 'same'
--   outcome 'set'     what is shown of the person has changed: an event, told to everyone
--           'same'    it has not: no event. So too if the call is repeated, its reply being lost
--           'limited' the person changes their state too often: nothing changed
--           'unknown' the connection is not open: nothing changed
--
-- Killed before: nothing is set; the client may say it again. Killed after: the event is pending.

-- state: JSON without blanks, in which `away` is always false, or '' for an empty one. away: '1' if
-- the client says that its user is away.
local connection_id, token, state, away = unpack(ARGV, OWN_ARGV)

local function set(name)
    local person = find_person(name)
    local state_before, aways_before, was_away = person.state, person.aways, is_away(person)
    person.state = state ~= '' and state or nil
    note_away(person, connection_id, away == '1')
    if person.state == state_before and is_away(person) == was_away then
        if person.aways ~= aways_before then
            keep_person(name, person)
        end
        return 'same'
    end
    local changes = draw(PACE, 's ' .. name, 1, STATES_RATE, STATES_BURST)
    if changes.use > 1 then
        return 'limited'
    end
    take(changes)
    keep_person(name, person)
    record_state(name, person)
    return 'set'
end

local connection = begin() and find_connection(connection_id)
local outcome, claimed = 'unknown', false
if connection and connection.since > 0 then
    outcome = set(connection.person)
    claimed = outcome ~= 'limited' and claim(token)
end
if redis.call('EXISTS', SESSION) == 1 then
    claimed = finish(claimed)
end
return { outcome, claimed, outcome == 'same' and view() }
