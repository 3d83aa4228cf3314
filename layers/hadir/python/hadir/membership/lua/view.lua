-- The session as it is now; changes nothing.
--
-- ARGV    now
-- Reply   { epoch, version, connections as HGETALL }

return view()
