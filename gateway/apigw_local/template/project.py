"""Which template of a project is served."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigw_local.core.documents import parsed
from apigw_local.errors import TemplateError
from apigw_local.template.model import Application

_NAMES = ("template.yaml", "template.yml", "template.json")
"""In SAM's order."""
_CDK_OUTPUT = "cdk.out"
BUILD = Path(".aws-sam", "build")
"""Where ``sam build`` writes, beside the template."""
_NO_SOURCE = ("__pycache__", "node_modules")


@dataclass(frozen=True, slots=True)
class Served:
    """An application, and in one sentence which template it is of and why.

    Attributes:
        said: None where there was nothing to choose.
        doubtful: what is served is not what a developer expects.
    """

    application: Application
    said: str | None = None
    doubtful: bool = False


def find_template(named: Path | None) -> Path:
    """The project's template.

    Args:
        named: a file, or a folder: of a project, or what ``cdk synth`` has written. Without it,
            SAM's names are looked for here, and in a project of CDK's its output.

    Raises:
        TemplateError: there is none, or more than one; it says what to do.
    """
    folder = named or Path()
    if named is not None and not named.is_dir():
        return named
    for name in _NAMES:
        if (folder / name).is_file():
            return folder / name
    if any(folder.glob("*.template.json")) or (folder / "manifest.json").is_file():
        return _of_cdk(folder)
    if (folder / _CDK_OUTPUT).is_dir():
        return _of_cdk(folder / _CDK_OUTPUT)
    if (folder / "cdk.json").is_file():
        raise TemplateError(f"{folder / 'cdk.json'}: there is no {_CDK_OUTPUT}: run cdk synth")
    names = ", ".join(_NAMES)
    raise TemplateError(f"{folder.resolve()}: there is no {names}; name one with --template")


def choose_template(
    source: Path, build: Path | None, read: Callable[[Path], Application]
) -> Served:
    """Choose between a template and what ``sam build`` has made of it.

    SAM CLI serves a build wherever there is one and no template is named, however old it is, and
    does not say so. Here a build is served, whether the template is named or not, where it is
    newer than all that it was made of: it has what functions need, compiled and with its packages.
    An older one would show a developer code from before their last change, without a word; then
    the sources are served, and only where they cannot run at all (TypeScript, a handler that is
    not there, packages that are not installed) the build, with a warning.

    Args:
        build: its folder; None for no build ever.
        read: reads a template.

    Raises:
        TemplateError: neither can be read.
    """
    built = build / "template.yaml" if build else None
    if built is None or not built.is_file() or built.resolve() == source.resolve():
        return Served(read(source))
    try:
        application = read(source)
    except TemplateError as error:
        said = f"{built} is served, since the sources cannot be ({error})"
        return Served(read(built), said, doubtful=True)
    newer = _newer_than(built.stat().st_mtime, source, application)
    if newer is None:
        application.scratch.cleanup()
        how = "after a change run sam build again, or serve the sources with --no-build-dir"
        return Served(read(built), f"{built} is served, newer than its sources; {how}")
    if application.incomplete:
        application.scratch.cleanup()
        broken = next(iter(application.incomplete))
        said = (
            f"{built} is served, older than {newer}, since {broken} cannot run without a build: "
            "run sam build again"
        )
        return Served(read(built), said, doubtful=True)
    said = f"{source} is served and not its build, which is older than {newer}"
    return Served(application, said)


def _newer_than(moment: float, source: Path, application: Application) -> Path | None:
    """A source that has changed since."""
    functions = application.functions.values()
    folders = {each.code for each in functions}
    folders |= {layer for each in functions for layer in each.layers}
    for path in (source, *(path for folder in sorted(folders) for path in _files(folder))):
        try:
            if path.stat().st_mtime > moment:
                return path
        except OSError:  # gone meanwhile, or a link to nowhere
            continue
    return None


def _files(folder: Path) -> Iterator[Path]:
    """Files that a build is made of; not what it, or an editor, has left."""
    for top, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if _is_source(Path(top, each))]
        yield from (Path(top, each) for each in files if not each.startswith("."))


def _is_source(folder: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name in _NO_SOURCE
    return not hidden and not (folder / "pyvenv.cfg").exists()


def _of_cdk(output: Path) -> Path:
    """The template of the one stack that has a WebSocket API, else of the one with any API."""
    templates = list(_stacks(output))
    for protocols in (("WEBSOCKET",), ("WEBSOCKET", "HTTP")):
        found = [each for each in templates if _has_api(each, protocols)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(map(str, found))
            raise TemplateError(f"{output}: choose a stack with --template: {names}")
    if len(templates) == 1:
        return templates[0]
    raise TemplateError(f"{output}: no stack has an API to serve")


def _stacks(output: Path) -> Iterator[Path]:
    """Templates of the stacks, those of stages too, which have folders of their own.

    Nested stacks and the stacks of assertions are not the manifest's.
    """
    artifacts = _json(output / "manifest.json").get("artifacts")
    if not isinstance(artifacts, dict):
        yield from sorted(output.glob("*.template.json"))
        return
    for artifact in filter(lambda each: isinstance(each, dict), artifacts.values()):
        properties = artifact.get("properties") or {}
        if artifact.get("type") == "aws:cloudformation:stack" and "templateFile" in properties:
            yield output / properties["templateFile"]
        elif artifact.get("type") == "cdk:cloud-assembly" and "directoryName" in properties:
            yield from _stacks(output / properties["directoryName"])


def _has_api(template: Path, protocols: tuple[str, ...]) -> bool:
    resources = _json(template).get("Resources")
    for resource in resources.values() if isinstance(resources, dict) else ():
        if isinstance(resource, dict) and resource.get("Type") == "AWS::ApiGatewayV2::Api":
            properties = resource.get("Properties") or {}
            if properties.get("ProtocolType") in protocols:
                return True
    return False


def _json(path: Path) -> dict[str, Any]:
    try:
        found = parsed(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
