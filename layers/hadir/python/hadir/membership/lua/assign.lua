-- takes: life, pace
--
-- An agent or an admin says who has the session: an event in the session's order.
--
-- Reply   { outcome, claim, who has it now ('' for nobody), epoch, version, now, 1 if whoever has it
--         has gone for good, else 0 }
--         version is the event's on 'assigned', otherwise that of the session's last event
--         claim is false but on 'assigned' and 'unchanged'
--   outcome 'assigned'  recorded, pending
--           'unchanged' they had it already: no event
--           'conflict'  somebody else has it than the caller may take it from: nothing changed
--           'unclear'   no type is given, and an agent and an admin of that id are present: likewise
--           'limited'   the posts would exceed a limit: likewise
--           'unknown'   nobody is in the session: likewise
--
-- Killed before: nothing has changed, and the client asks again. Killed after: the event is pending;
-- a client that asks again, or redis-py, finds 'unchanged'.

-- by: who says it. user_id: of the assignee, '' for nobody; user_type: '' if it is not given.
-- is_expecting: '1' if the session must be assigned to expected, a user_id, or '' for nobody.
-- is_paid: '1' if open.lua has drawn the posts already, because the session is that of the sender's
-- socket.
local token, by, user_id, user_type, is_expecting, expected, is_paid = unpack(ARGV, OWN_ARGV)

local function id_of(name)
    return string.match(name, '/(.+)$') or ''
end

-- The name of the assignee, '' for nobody; nil if it is unclear which of two people is meant.
local function assignee(holder)
    if user_id == '' then
        return ''
    end
    if user_type ~= '' then
        return user_type .. '/' .. user_id
    end
    if id_of(by) == user_id then
        return by
    end
    local agent, admin = 'agent/' .. user_id, 'admin/' .. user_id
    local is_agent_here = redis.call('HEXISTS', PEOPLE, agent) == 1
    local is_admin_here = redis.call('HEXISTS', PEOPLE, admin) == 1
    if is_agent_here and is_admin_here then
        return nil
    end
    -- A repeated request means the same person, though an admin who has it may have left meanwhile.
    if is_admin_here or not is_agent_here and holder == admin then
        return admin
    end
    return agent
end

-- Without an expectation, whoever has gone for good does not keep others from it.
local function may_change(holder, is_gone)
    if is_expecting == '1' then
        return id_of(holder) == expected
    end
    return holder == '' or holder == by or is_gone
end

local function is_limited()
    if is_paid == '1' then
        return false
    end
    local posts = 1 + counter('open')
    local persons = draw(PACE, 'p ' .. by, posts, POSTS_RATE, POSTS_BURST)
    local tenants = draw(TENANTS, TENANT, posts, TENANT_RATE, TENANT_BURST)
    if persons.use > 1 or tenants.use > 1 then
        return true
    end
    take(persons)
    take(tenants)
    return false
end

local function assign(holder, is_gone)
    local name = assignee(holder)
    if not name then
        return 'unclear'
    end
    local is_back = is_gone and holder == by
    if name == holder and not is_back then
        return 'unchanged'
    end
    if name ~= holder and not may_change(holder, is_gone) then
        return 'conflict'
    end
    if is_limited() then
        return 'limited'
    end
    if name == '' then
        redis.call('HDEL', SESSION, 'assigned')
    else
        redis.call('HSET', SESSION, 'assigned', name)
    end
    if is_gone then
        redis.call('HDEL', SESSION, 'assignee_gone')
    end
    redis.call('HDEL', ASSIGNED, NAME)  -- `finish` lists it anew
    record_event('assignment', { 'person', name, 'by', by, 'at', integer(now) })
    return 'assigned'
end

if not begin() then
    return { 'unknown', false, '', '', 0, now, 0 }
end
local outcome, claimed = 'unknown', false
if redis.call('EXISTS', PEOPLE) == 1 then
    local known = redis.call('HMGET', SESSION, 'assigned', 'assignee_gone')
    outcome = assign(known[1] or '', known[1] and known[1] == known[2])
end
if outcome == 'assigned' or outcome == 'unchanged' then
    claimed = claim(token)
end
local told = finish(claimed)
local known = redis.call('HMGET', SESSION, 'assigned', 'epoch', 'version', 'assignee_gone')
return {
    outcome, told, known[1] or '', known[2], tonumber(known[3]), now,
    known[1] and known[1] == known[4] and 1 or 0,
}
