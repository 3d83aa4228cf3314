"""The figures that functions write, as CloudWatch reads them ("Embedded metric format")."""

import json
from typing import Any

Figures = dict[str, tuple[list[int], str]]
"""The values of each metric, and its unit."""


def figures(line: str) -> Figures:
    """What a line holds."""
    return figures_of(json.loads(line[line.index('{"_aws"') :]))


def figures_of(written: dict[str, Any]) -> Figures:
    """The same of a line that has been read."""
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Hadir"
    assert directive["Dimensions"] == [["service"]]
    assert written["service"] == "local"
    return {each["Name"]: (written[each["Name"]], each["Unit"]) for each in directive["Metrics"]}
