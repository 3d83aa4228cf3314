"""Where the code of functions and layers is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apigw_local.core.documents import parsed
from apigw_local.errors import TemplateError
from apigw_local.template.document import Map, text
from apigw_local.template.intrinsics import Resolver
from apigw_local.template.scratch import Scratch

_SAM_FUNCTION = "AWS::Serverless::Function"
_SAM_LAYER = "AWS::Serverless::LayerVersion"
_ARCHIVES = (".jar", ".zip")


class CodeReader:
    """Finds code: in a folder, a .zip, the template itself, or among CDK's assets.

    Args:
        root: the folder that paths are relative to.
        assets: CDK's, by their key in S3.
        scratch: where code goes that has no folder.
    """

    def __init__(
        self, resolver: Resolver, root: Path, assets: Mapping[str, Path], scratch: Scratch
    ) -> None:
        self._resolver = resolver
        self._root = root
        self._assets = assets
        self._scratch = scratch

    def of_function(self, name: str, resource: Map, properties: Map, runtime: str) -> Path:
        """A function's folder.

        Raises:
            TemplateError: its code is not on this machine.
        """
        is_sam = resource.get("Type") == _SAM_FUNCTION
        key, inline = ("CodeUri", "InlineCode") if is_sam else ("Code", "ZipFile")
        where = properties if is_sam else properties.get("Code")
        if isinstance(where, Map) and inline in where:
            source = text(self._resolver.value(where, inline, ""))
            return self._scratch.inline(name, runtime, source)
        # Without a CodeUri SAM takes the template's own folder.
        return self._folder(name, resource, properties, key, "." if is_sam else None)

    def of_layer(self, name: str, resource: Map) -> Path:
        """A layer's folder.

        Raises:
            TemplateError: its content is not on this machine.
        """
        key = "ContentUri" if resource.get("Type") == _SAM_LAYER else "Content"
        return self._folder(name, resource, resource.map("Properties"), key, None)

    def _folder(
        self, name: str, resource: Map, properties: Map, key: str, default: str | None
    ) -> Path:
        """A folder that a property names, or that CDK says it has made the property of."""
        metadata = resource.map("Metadata")
        if metadata.get("aws:asset:property") == key and "aws:asset:path" in metadata:
            properties, key = metadata, "aws:asset:path"
        found = self._resolver.value(properties, key, default)
        line = properties.at(key)
        bucket = _in_s3(found)
        if bucket is not None:
            object_key = bucket.rpartition("/")[2]
            beside = {**self._assets, object_key: self._assets.get(object_key, Path(object_key))}
            if not _is(self._root / beside[object_key]) and object_key not in self._assets:
                said = f"{name}: {bucket} is not on this machine: {key} must name a folder"
                raise TemplateError(said, line)
            found = str(beside[object_key])
        if isinstance(found, str) and found.endswith(_ARCHIVES) and _is(self._root / found):
            return self._unpacked(name, self._root / found, line)
        if not isinstance(found, str) or not _is(self._root / found, folder=True):
            said = f"{name}: {key} must name a folder, found {found!r}: correct it, or build it"
            raise TemplateError(said, line)
        return self._root / found

    def _unpacked(self, name: str, archive: Path, line: int) -> Path:
        try:
            return self._scratch.unpacked(name, archive)
        except ValueError as error:
            raise TemplateError(f"{name}: {archive.name} cannot be read: {error}", line) from error


def assets_of(template: Path) -> dict[str, Path]:
    """What CDK has written beside a template of its own: assets, by their key in S3."""
    stack = template.name.removesuffix(".template.json")
    manifest = template.parent / f"{stack}.assets.json"
    found = {}
    try:
        files = parsed(manifest.read_bytes())["files"].values()
        for file in files:
            for destination in file["destinations"].values():
                found[destination["objectKey"].rpartition("/")[2]] = Path(file["source"]["path"])
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        return found  # no output of CDK's, or of a form that names no files
    return found


def _in_s3(value: Any) -> str | None:
    """``s3://bucket/key`` where code is there, in whichever form it says so."""
    if isinstance(value, str) and value.startswith("s3://"):
        return value
    if isinstance(value, Map):
        for bucket, key in (("Bucket", "Key"), ("S3Bucket", "S3Key")):
            if key in value:
                return f"s3://{value.get(bucket)}/{value[key]}"
    return None


def _is(path: Path, *, folder: bool = False) -> bool:
    try:
        return path.is_dir() if folder else path.is_file()
    except (OSError, ValueError):  # a name that is too long, or none
        return False
