"""Hadir on one machine: a Redis, the gateway and the page."""
