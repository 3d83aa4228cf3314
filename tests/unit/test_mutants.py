"""The breakages of ``make mutants`` can still be made, and the tests that see them are there."""

import ast
from functools import cache

from tests.mutants.table import breakages
from tests.running_gateway import ROOT


@cache
def names_in(file: str) -> set[str]:
    """The tests in a file, and their classes: as pytest names them."""
    found = {file}
    for each in ast.parse((ROOT / file).read_text("utf-8")).body:
        match each:
            case ast.FunctionDef(name=name):
                found.add(f"{file}::{name}")
            case ast.ClassDef(name=name, body=body):
                methods = [part.name for part in body if isinstance(part, ast.FunctionDef)]
                found |= {f"{file}::{name}", *(f"{file}::{name}::{method}" for method in methods)}
    return found


def test_each_can_be_made() -> None:
    for each in breakages():
        whole = (ROOT / each.file).read_text("utf-8")
        broken = each.broken(whole)  # the text to replace is there, and once
        assert broken != whole, each.name
        if each.file.endswith(".py"):
            ast.parse(broken, each.name)


def test_the_tests_of_each_are_there() -> None:
    named = {test for each in breakages() for test in each.tests}
    assert [test for test in named if test not in names_in(test.partition("::")[0])] == []


def test_each_has_a_name_of_its_own() -> None:
    sections = {each.section for each in breakages()}
    names = [*sections, *(each.name for each in breakages())]
    assert len(set(names)) == len(names)
