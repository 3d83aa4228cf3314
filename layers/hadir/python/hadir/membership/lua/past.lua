-- takes: chronicle
--
-- The session as it is now, and all that its history says of who was present; changes nothing.
--
-- Reply   { now (ms), view, events as XRANGE, oldest first }

return { now, view(), chronicle() }
