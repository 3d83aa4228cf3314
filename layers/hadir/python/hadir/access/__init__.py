"""Who gets in: tokens, the keys they are verified with, origins."""
