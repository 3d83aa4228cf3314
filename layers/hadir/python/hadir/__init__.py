"""Hadir: who is present in a session, and who has just come or gone.

The packages, from the inside out:

- ``domain``: identities, events and status. No I/O, no clock, no environment.
- ``wire``: API Gateway events and clients' messages in, JSON frames out.
- ``membership``: the truth in Redis, one Lua script a change.
- ``connections``: sockets, through API Gateway's management API.
- ``announcer``: ties the two; the only place that posts.
- ``settings``, ``log``, ``bootstrap``: what the handlers in ``functions/`` start from.
"""
