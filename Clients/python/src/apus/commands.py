"""Commands that run at the server, as a person would type them: `plan` and `apply` of definitions."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Union

from . import wire
from .errors import BY_WORD, ApusError, BadReply, CommandFailed, InputError, NotAccepted
from .times import spell_type

#: A file, a folder, several of them, or definitions as a dict.
Definitions = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]], Mapping[str, Any]]
_ENDINGS = (".yaml", ".yml", ".json")


def files_of(definitions: Definitions) -> tuple[list[str], dict[str, str]]:
    """The paths to name, and what is in the files."""
    if isinstance(definitions, Mapping):
        try:
            return ["definitions.json"], {"definitions.json": json.dumps(definitions, ensure_ascii=False)}
        except (TypeError, ValueError) as error:
            raise InputError(f"the definitions are no JSON: {error}", next="write dicts, lists, texts and numbers") from None
    paths = [definitions] if isinstance(definitions, (str, os.PathLike)) else list(definitions)
    if not paths:
        raise InputError("no definitions are named", next="name a file or a folder, or give a dict")
    names, files = [], {}
    for given in paths:
        if not isinstance(given, (str, os.PathLike)):
            raise InputError(
                f"{given!r} is {spell_type(given)}, not a path",
                next="name a file or a folder, or give a dict",
            )
        path = os.fspath(given)
        names.append(path)
        found = [path]
        if os.path.isdir(path):
            found = [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(_ENDINGS)]
            if not found:
                raise InputError(f"{path} has no definitions", next=f"they end in {', '.join(_ENDINGS)}")
        for one in found:
            try:
                with open(one, encoding="utf-8") as file:
                    files[one] = file.read()
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or error
                raise InputError(f"{one} cannot be read: {why}", next="name a file or a folder, or give a dict") from None
    return names, files


def outcome(reply: wire.ConsoleReply) -> dict[str, Any]:
    """What a command said in JSON; its error is raised."""
    try:
        said = json.loads(reply.output) if reply.output.strip() else {}
    except ValueError as error:
        raise BadReply(f"a command's answer is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise BadReply("a command's answer is no object")
    problem = said.get("error")
    if reply.exit in (0, 3) and problem is None:
        return said
    if not isinstance(problem, dict):
        raise CommandFailed(reply.errors.strip() or f"the command ended with exit code {reply.exit}")
    raise _error(problem)


def _error(problem: dict[str, Any]) -> ApusError:
    code = str(problem.get("code", ""))
    what, where, after = (str(problem.get(name) or "") for name in ("what", "where", "next"))
    mistakes = problem.get("mistakes")
    if isinstance(mistakes, list) and mistakes:
        lines = [_mistake(one) for one in mistakes]
        what = "\n        ".join([what, *lines]) if what else "\n        ".join(lines)
    details = {name: value if isinstance(value, str) else json.dumps(value) for name, value in problem.items()}
    if code == "not_accepted":
        needs = problem.get("needs") or []
        said = ", ".join(f'"{one}"' for one in needs) if isinstance(needs, list) else str(needs)
        return NotAccepted(what, where, f"apply(…, accept=[{said}]) says that they accept it", details=details)
    family = BY_WORD.get(code)
    error = (family or CommandFailed)(what, where, after, details=details)
    if family is None:
        error.details["code"] = code
    return error


def _mistake(one: Any) -> str:
    if not isinstance(one, dict):
        return str(one)
    place = ":".join(str(one[name]) for name in ("file", "line", "column") if one.get(name) is not None)
    words = str(one.get("what") or one.get("words") or one.get("message") or one)
    return f"{place}: {words}" if place else words
