-- takes: outbox
--
-- The session as it is now; changes nothing.
--
-- Reply   { epoch, version, people as HGETALL, who has it, whether they have gone }

return view()
