"""SAM CLI's configuration file, as far as it is about what is served.

Source: "AWS SAM CLI configuration file". As SAM CLI's ``local start-api`` does, the sections
``global`` and ``local_start_api`` are read, the second over the first. Where neither has
``parameter_overrides``, those of ``deploy`` count, which ``sam deploy --guided`` writes.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from apigw_local.errors import TemplateError
from apigw_local.template.overrides import configured_overrides

_FILES = ("samconfig.toml", "samconfig.yaml", "samconfig.yml")
"""In SAM's order."""
DEFAULT_ENVIRONMENT = "default"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says; paths are relative to its folder, and resolved."""

    overrides: dict[str, str] = field(default_factory=dict)
    template: Path | None = None
    env_vars: Path | None = None
    build_dir: Path | None = None
    region: str | None = None


def read_settings(folder: Path, file: Path | None, environment: str | None) -> Settings:
    """The file's settings; none where there is no file.

    Args:
        folder: the template's, where the file is looked for.
        file: another one, in that folder unless it is absolute.
        environment: the file's part to read.

    Raises:
        TemplateError: it cannot be read, or has no such part.
    """
    path = _found(folder, file)
    if path is None:
        return Settings()
    document = _read(path)
    own = document.get(environment or DEFAULT_ENVIRONMENT)
    if environment is not None and own is None:
        raise TemplateError(f"{path} has no [{environment}]: correct --config-env")
    everywhere, deploy, build = (_section(own, name) for name in ("global", "deploy", "build"))
    local = {**everywhere, **_section(own, "local_start_api")}

    def file_of(settings: dict[str, Any], *keys: str) -> Path | None:
        found = next((settings[key] for key in keys if key in settings), None)
        return path.parent / str(found) if found is not None else None

    try:
        overrides = configured_overrides(
            local.get("parameter_overrides", deploy.get("parameter_overrides", {}))
        )
    except ValueError as error:
        raise TemplateError(f"{path}: parameter_overrides: {error}") from error
    region = local.get("region", deploy.get("region"))
    return Settings(
        overrides=overrides,
        template=file_of(local, "template_file", "template"),
        env_vars=file_of(local, "env_vars"),
        build_dir=file_of({**everywhere, **build}, "build_dir"),
        region=None if region is None else str(region),
    )


def _found(folder: Path, file: Path | None) -> Path | None:
    if file is not None:
        if not (folder / file).is_file():
            raise TemplateError(f"{folder / file}: there is no such file: correct --config-file")
        return folder / file
    return next((folder / each for each in _FILES if (folder / each).is_file()), None)


def _read(path: Path) -> dict[str, Any]:
    try:
        written = path.read_text()
        read = tomllib.loads if path.suffix == ".toml" else yaml.safe_load
        found = read(written) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise TemplateError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise TemplateError(f"{path}: must have sections such as [default.global.parameters]")
    return found


def _section(environment: Any, command: str) -> dict[str, Any]:
    found = environment.get(command) if isinstance(environment, dict) else None
    found = found.get("parameters") if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
