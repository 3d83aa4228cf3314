"""The domain: identities, events, status. Pure: no I/O, no clock, no environment."""
