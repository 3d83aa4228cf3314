"""Who is present: identities, events, status. Pure: no I/O, no clock, no environment."""
