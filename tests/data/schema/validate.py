"""Checks YAML files against a JSON Schema: validate.py SCHEMA FILE...

Prints one line a file, "valid FILE" or "invalid FILE: why". YAML is read by the core schema of YAML
1.2, as editors do: dates and times of day are text, only true and false are booleans.
"""
import json
import re
import sys

import jsonschema
import yaml


class Core(yaml.SafeLoader):
    """The safe loader with the implicit types of YAML 1.2."""


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("null", r"^(~|null|Null|NULL|)$", ("~", "n", "N", "")),
    ("bool", r"^(true|false)$", "tf"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))

def as_json(node):
    """The same with texts as keys: JSON has no others."""
    if isinstance(node, dict):
        return {str(key): as_json(value) for key, value in node.items()}
    return [as_json(item) for item in node] if isinstance(node, list) else node


with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        document = as_json(yaml.load(file, Loader=Core))
    errors = list(validator.iter_errors(document))
    if errors:
        print(f"invalid {path}: {jsonschema.exceptions.best_match(errors).message[:200]}")
    else:
        print(f"valid {path}")
