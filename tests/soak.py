"""What takes too long for every day: ``make soak`` does it."""

import os

import pytest

SOAK = bool(os.environ.get("HADIR_SOAK"))

only_in_soak = pytest.mark.skipif(not SOAK, reason="takes long: make soak")
