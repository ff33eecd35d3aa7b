"""One object of a FHIR message, which knows its path and what of it has been read.

Refuses to know what any element means, and to forget one: finish() refuses every key that nobody
has read or named as of no consequence. So nothing a sender wrote is dropped silently.
"""

from __future__ import annotations

from typing import cast

from pumpctl.intake.fhir.json_text import Number

SHOWN = 60


class FhirRefused(Exception):
    """This message cannot become an order: the element's path, why, and what to do."""

    def __init__(self, where: str, why: str, next_step: str) -> None:
        super().__init__(f"{where}: {why}")
        self.next_step = next_step


class Element:
    """Reading a key also ticks it off; a key that is absent reads as None or empty."""

    def __init__(self, path: str, content: dict[str, object]) -> None:
        self.path = path
        self._content = content
        self._read = {"id"}  # of an element, for links inside the message; a resource's id is read where it counts
        self._children: dict[str, tuple[Element, ...]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def at(self, key: str) -> str:
        return f"{self.path}.{key}"

    def text(self, key: str) -> str | None:
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, str) or isinstance(value, Number):
            raise FhirRefused(self.at(key), f"must be text, not {shown(value)}", "correct the sender's JSON")
        return checked_text(value, self.at(key))

    def texts(self, key: str) -> tuple[str, ...]:
        texts: list[str] = []
        for index, value in enumerate(self._list(key)):
            where = f"{self.at(key)}[{index}]"
            if not isinstance(value, str) or isinstance(value, Number):
                raise FhirRefused(where, f"must be text, not {shown(value)}", "correct the sender's JSON")
            texts.append(checked_text(value, where))
        return tuple(texts)

    def number(self, key: str) -> Number | None:
        value = self._take(key)
        if value is not None and not isinstance(value, Number):
            raise FhirRefused(
                self.at(key), f"must be a JSON number, not {shown(value)}", "write the number without quotes"
            )
        return value

    def flag(self, key: str) -> bool | None:
        value = self._take(key)
        if value is not None and not isinstance(value, bool):
            raise FhirRefused(self.at(key), f"must be true or false, not {shown(value)}", "correct the sender's JSON")
        return value

    def child(self, key: str) -> Element | None:
        if key not in self._children:
            value = self._take(key)
            self._children[key] = () if value is None else (_element(self.at(key), value),)
        return next(iter(self._children[key]), None)

    def children(self, key: str) -> tuple[Element, ...]:
        if key not in self._children:
            values = enumerate(self._list(key))
            self._children[key] = tuple(_element(f"{self.at(key)}[{index}]", value) for index, value in values)
        return self._children[key]

    def only(self, key: str) -> Element | None:
        """The one member of a list; a second one would have to be dropped."""
        found = self.children(key)
        if len(found) > 1:
            raise FhirRefused(self.at(key), f"has {len(found)} members, one can be mapped", "send exactly one")
        return found[0] if found else None

    def one_of(self, key: str, *allowed: str | None) -> str | None:
        """A code that must be among these; None among them lets it be absent."""
        value = self.text(key)
        if value not in allowed:
            known = " or ".join(word for word in allowed if word is not None)
            why = "is missing" if value is None else f"is {shown(value)}"
            raise FhirRefused(self.at(key), f"{why}; only {known} can be mapped", "correct it, or send no such message")
        return value

    def ignore(self, *keys: str) -> None:
        """These are of no consequence for the order; each caller says why."""
        self._read.update(keys)

    def finish(self) -> None:
        """Refuse what nobody has read, here and in everything below."""
        for key in self._content:
            if key not in self._read:
                raise FhirRefused(self.at(shown_key(key)), *_why_unread(key))
        for children in self._children.values():
            for child in children:
                child.finish()

    def _take(self, key: str) -> object:
        self._read.add(key)
        value = self._content.get(key)
        if value is None and key in self._content:
            raise FhirRefused(self.at(key), "is null, which FHIR does not allow here", "leave the element out")
        return value

    def _list(self, key: str) -> list[object]:
        value = self._take(key)
        if value is None:
            return []
        if not isinstance(value, list) or not value:
            raise FhirRefused(self.at(key), "must be a list with members", "correct the sender's JSON")
        return cast("list[object]", value)


def checked_text(value: str, where: str) -> str:
    """One line that a screen shows as it is: order.py's Text has the same bounds."""
    if not value.strip() or not value.isprintable() or len(value) > MAX_TEXT:
        why = f"is empty, longer than {MAX_TEXT} characters, or holds control characters: {shown(value)}"
        raise FhirRefused(where, why, "write one printable line")
    return value


MAX_TEXT = 200


def shown(value: object) -> str:
    """A value of the message for people, shortened and without control characters."""
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case Number():
            return f"the number {value}"
        case _:
            text = ascii(value) if not str(value).isprintable() else repr(value)
            return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def shown_key(key: str) -> str:
    safe = key if key.isprintable() else ascii(key)
    return safe if len(safe) <= SHOWN else f"{safe[:SHOWN]}…"


def _element(path: str, value: object) -> Element:
    if not isinstance(value, dict):
        raise FhirRefused(path, f"must be an object, not {shown(value)}", "correct the sender's JSON")
    return Element(path, cast("dict[str, object]", value))


def _why_unread(key: str) -> tuple[str, str]:
    if key == "modifierExtension":
        return "changes the meaning of what it stands in and is not understood", "send an order without it"
    if key == "implicitRules":
        return "puts the message under rules that are not known here", "send an order without it"
    if key == "extension" or key.startswith("_"):
        return "an extension that is not understood", "say it in the order form, or leave it out if it says nothing"
    return "has no place in a native order, and nothing is dropped silently", "take it out, or say it in the order form"
