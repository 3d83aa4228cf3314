-- takes: outbox
--
-- The session as it is now; changes nothing.
--
-- Reply   { epoch, version, people as HGETALL; if somebody has it, who; and 1 if they have gone }

return view()
