-- The session as it is now; changes nothing.
--
-- Reply   { epoch, version, connections as HGETALL, people in grace as HGETALL }

return view()
