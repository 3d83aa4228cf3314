"""The breakages, as ``breakages.toml`` has them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parent.parent.parent
TABLE = Path(__file__).parent / "breakages.toml"


@dataclass(frozen=True, slots=True)
class Breakage:
    """One way to break Hadir.

    Attributes:
        section: of the table.
        file: relative to the repository's root, which the other paths are, too.
        old: text that occurs once in the file.
        new: what takes its place.
        tests: what pytest is given; one of them sees it.
    """

    section: str
    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @classmethod
    def read(cls, section: str, name: str, fields: dict[str, object]) -> Self:
        """The breakage of that name in the table.

        Raises:
            ValueError: it is not as it has to be.
        """
        match fields:
            case {"file": str(file), "old": str(old), "new": str(new), "tests": [*tests]} if (
                len(fields) == 4 and tests and all(isinstance(each, str) for each in tests)
            ):
                return cls(section, name, file, old, new, tuple(map(str, tests)))
        raise ValueError(f"{section}.{name} needs file, old, new and tests, and nothing else")

    def broken(self, text: str) -> str:
        """What becomes of the file, whose text is ``text``.

        Raises:
            ValueError: the text to replace is not there, or there more than once.
        """
        times = text.count(self.old)
        if times != 1:
            raise ValueError(f"{self.name}: its old text is {times} times in {self.file}")
        return text.replace(self.old, self.new)


def breakages() -> list[Breakage]:
    """All of them, in the table's order."""
    sections = tomllib.loads(TABLE.read_text("utf-8"))
    return [
        Breakage.read(section, name, fields)
        for section, named in sections.items()
        for name, fields in named.items()
    ]
