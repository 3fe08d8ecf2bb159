"""Content parts of a Responses request as those of Chat Completions.

(platform.openai.com/docs/api-reference/responses)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from routing.gateway.dialects.parameters import Check, check, is_object, is_objects, is_text, refused

Part: TypeAlias = Mapping[str, Any]  # the caller's JSON

MARKS = ("cache_control", "prompt_cache_breakpoint")
"""Where a prompt may be cached up to: said of a part in either dialect, in the same words."""

_FIELDS: dict[str, dict[str, Check]] = {
    "input_text": {"text": is_text},
    "input_image": {"image_url": is_text, "file_id": is_text, "detail": is_text},
    "input_file": {"file_data": is_text, "file_url": is_text, "file_id": is_text, "filename": is_text},
    "input_audio": {"input_audio": is_object},
    "input_video": {"video_url": is_text},
    "refusal": {"refusal": is_text},
}
_TEXTS = {"input_text", "output_text", "text", "summary_text", "reasoning_text"}


def read_content(content: Any, where: str, *, is_own: bool = False) -> str | list[dict[str, Any]]:
    """A message's content: a string where it is nothing but text, else parts. Raises RefusedError.

    `is_own`: the assistant's, the only one that may hold refusals.
    """
    if content is None or isinstance(content, str):
        return content or ""
    if not is_objects(content):
        raise refused(where, "must be a string or a list of objects")
    parts = [_part(part, f"{where}[{index}]", is_own) for index, part in enumerate(content)]
    if all(part.keys() == {"type", "text"} for part in parts) and len(parts) < 2:
        return "".join([part["text"] for part in parts])
    return parts


def flattened(content: str | list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """The same as one string if it is plain text: many providers know no parts but in what a user says."""
    if isinstance(content, list) and all(part.keys() == {"type", "text"} for part in content):
        return "".join([part["text"] for part in content])
    return content


def texts_of(parts: Any, where: str) -> list[str]:
    """The texts of a reasoning item's summary or content. Raises RefusedError."""
    if parts is None:
        return []
    if not is_objects(parts):
        raise refused(where, "must be a list of objects")
    return [_text(part, f"{where}[{index}]")["text"] for index, part in enumerate(parts)]


def _part(part: Part, where: str, is_own: bool) -> dict[str, Any]:
    kind = part.get("type")
    if not isinstance(kind, str):
        raise refused(f"{where}.type", "must be a string")
    if kind in _TEXTS:
        return _marked(part, _text(part, where))
    read = _READERS.get(kind)
    if read is None or (kind == "refusal" and not is_own):
        raise refused(f"{where}.type", "is not a content part that can be sent to every provider")
    check(part, _FIELDS[kind], f"{where}.")
    return _marked(part, read(part, where))


def _marked(part: Part, ours: dict[str, Any]) -> dict[str, Any]:
    return ours | {name: part[name] for name in MARKS if part.get(name) is not None}


def _text(part: Part, where: str) -> dict[str, Any]:
    if not isinstance(part.get("text"), str):
        raise refused(f"{where}.text", "must be a string")
    return {"type": "text", "text": part["text"]}


def _image(part: Part, where: str) -> dict[str, Any]:
    if not part.get("image_url"):
        raise _unheld(part, f"{where}.image_url", where)
    image = {"url": part["image_url"]}
    if part.get("detail"):
        image["detail"] = part["detail"]
    return {"type": "image_url", "image_url": image}


def _file(part: Part, where: str) -> dict[str, Any]:
    data = part.get("file_data") or part.get("file_url")
    if not data:
        raise _unheld(part, f"{where}.file_data", where)
    file = {"file_data": data}
    if part.get("filename"):
        file["filename"] = part["filename"]
    return {"type": "file", "file": file}


def _audio(part: Part, where: str) -> dict[str, Any]:
    audio = part.get("input_audio") or {}
    check(audio, {"data": is_text, "format": is_text}, f"{where}.input_audio.")
    if not audio.get("data"):
        raise refused(f"{where}.input_audio.data", "is missing")
    return {"type": "input_audio", "input_audio": dict(audio)}


def _video(part: Part, where: str) -> dict[str, Any]:
    if not part.get("video_url"):
        raise refused(f"{where}.video_url", "is missing")
    return {"type": "video_url", "video_url": {"url": part["video_url"]}}


def _refusal(part: Part, where: str) -> dict[str, Any]:
    return {"type": "refusal", "refusal": part.get("refusal") or ""}


def _unheld(part: Part, missing: str, where: str) -> Exception:
    """Files are held by a provider, not by us: a file's id alone says nothing."""
    if part.get("file_id"):
        return refused(f"{where}.file_id", "names an uploaded file, and none are stored here: send its data")
    return refused(missing, "is missing")


_READERS: dict[str, Callable[[Part, str], dict[str, Any]]] = {
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
    "input_video": _video,
    "refusal": _refusal,
}
