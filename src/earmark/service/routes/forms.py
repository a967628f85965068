"""Forms with a file, as OpenAPI describes them: the routes read them themselves, within limits."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def body(kind: type[BaseModel]) -> dict[str, Any]:
    """The request body of a form of this kind with a field `file`."""
    schema = kind.model_json_schema()
    schema["properties"] = {
        "file": {"type": "string", "format": "binary", "description": "Any audio or video."},
        **schema["properties"],
    }
    schema["required"] = ["file"]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
