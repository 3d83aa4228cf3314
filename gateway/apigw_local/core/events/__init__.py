"""The events that functions get."""
