"""Prints the CloudFormation that AWS makes of the template, as JSON.

Run by the SAM CLI's own Python: ``.venv-sam/bin/python transformed.py template.yaml``. The
translator is the one that AWS runs when a template is deployed; code is not uploaded anywhere.
"""

import json
import sys
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class ManagedPolicies:
    """What the translator would ask IAM for."""

    def load(self) -> dict[str, str]:
        role = "service-role/AWSLambdaBasicExecutionRole"
        return {"AWSLambdaBasicExecutionRole": f"arn:aws:iam::aws:policy/{role}"}


def main() -> None:
    template: dict[str, Any] = yaml_parse(Path(sys.argv[1]).read_text())
    for resource in template["Resources"].values():
        for place in {"CodeUri", "ContentUri"} & set(resource.get("Properties", {})):
            resource["Properties"][place] = "s3://bucket/key"
    parameters = {"AllowedOrigins": "https://a.example,https://b.example"}
    json.dump(transform(template, parameters, ManagedPolicies()), sys.stdout)


if __name__ == "__main__":
    main()
