"""The port to Redis: membership, its order and what is still to be announced."""
