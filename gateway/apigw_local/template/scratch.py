"""A folder for code that has none of its own."""

import shutil
import tempfile
import weakref
from pathlib import Path
from zipfile import BadZipFile, ZipFile

_RESPONSE_PYTHON = '''\
"""Answers CloudFormation for a custom resource."""
import json
import urllib.request

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(
    event, context, responseStatus, responseData,
    physicalResourceId=None, noEcho=False, reason=None,
):
    name = context.log_stream_name
    answer = {
        "Status": responseStatus,
        "Reason": reason or "See " + name,
        "PhysicalResourceId": physicalResourceId or name,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }
    request = urllib.request.Request(
        event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT"
    )
    urllib.request.urlopen(request).close()
'''
_RESPONSE_NODE = """\
// Answers CloudFormation for a custom resource.
exports.SUCCESS = 'SUCCESS';
exports.FAILED = 'FAILED';
exports.send = (event, context, status, data, physicalId, noEcho) => {
  const answer = {
    Status: status,
    Reason: `See ${context.logStreamName}`,
    PhysicalResourceId: physicalId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: data,
  };
  return fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify(answer) })
    .then(() => context.done && context.done());
};
"""


class Scratch:
    """A temporary folder, made when something is first put into it.

    It is removed by `cleanup`, and at the latest when the process ends.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._remove: weakref.finalize[[str, bool], Scratch] | None = None

    def inline(self, name: str, runtime: str, source: str) -> Path:
        """A folder with code that stood in the template, as CloudFormation makes it.

        The file is ``index.py``, or for Node.js ``index.js`` whatever the kind of its modules
        ("AWS::Lambda::Function Code"), and beside it is the module that CloudFormation adds where
        the code imports it ("cfn-response module").
        """
        folder = self._folder(name)
        if runtime.startswith("nodejs"):
            (folder / "index.js").write_text(source)
            response = folder / "node_modules" / "cfn-response"
            response.mkdir(parents=True)
            (response / "index.js").write_text(_RESPONSE_NODE)
        else:
            (folder / "index.py").write_text(source)
            (folder / "cfnresponse.py").write_text(_RESPONSE_PYTHON)
        return folder

    def unpacked(self, name: str, archive: Path) -> Path:
        """A folder with what a .zip holds.

        Raises:
            ValueError: it is none.
        """
        folder = self._folder(name)
        try:
            with ZipFile(archive) as opened:
                opened.extractall(folder)
        except (BadZipFile, OSError) as error:
            raise ValueError(str(error)) from error
        return folder

    def cleanup(self) -> None:
        """Remove it with all that it holds."""
        if self._remove:
            self._remove()
        self._path = self._remove = None

    def _folder(self, name: str) -> Path:
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="apigw-local-code-")).resolve()
            self._remove = weakref.finalize(self, shutil.rmtree, str(self._path), True)
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._path))
