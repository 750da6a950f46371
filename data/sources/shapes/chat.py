"""Chats: rows of `messages`, `positive_messages` and `negative_messages`, and plain ones between a user and an assistant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

from data.errors import DataError
from data.sources.columns.column_roles import is_known, plain
from data.sources.shapes.form import Look, Where

USER = frozenset({"user", "human", "prompter", "customer"})
ASSISTANT = frozenset({"assistant", "gpt", "chatgpt", "bot", "chatbot", "model", "ai", "agent"})
SYSTEM = frozenset(
    {"system", "developer", "tool", "function", "observation", "ipython", "environment", "functioncall", "functionresponse"}
)
"""Who speaks, by the words of OpenAI, ShareGPT and others, as `plain` gives them; what SYSTEM says is left out."""
SPEAKER = ("role", "from", "speaker")
SAID = ("content", "value", "text")

CHAT_ROW = '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}'
EMBEDDING_ROW = (
    '{"messages": [{"role": "user", "content": "…"}], "positive_messages": [[{"role": "user", "content": "…"}]],'
    ' "negative_messages": [[{"role": "user", "content": "…"}]]}'
)


class ReadChat(Protocol):
    """Returns the texts of the cell of a chat, by the names of the flat columns."""

    def __call__(self, cell: object, place: str) -> Mapping[str, object]: ...


class ChatShape:
    """The turns of some columns as texts."""

    def __init__(self, columns: Sequence[str], readers: Mapping[str, tuple[tuple[str, ...], ReadChat]], notes: list[str]) -> None:
        self.notes, self.readers = notes, readers
        made = {name for names, _ in readers.values() for name in names}
        self.others = [c for c in columns if c not in readers and c not in made]
        self.identity = f"chat {[(column, names) for column, (names, _) in readers.items()]}"

    def columns(self) -> list[str]:
        """Return the names of the texts, and the other columns."""
        return [*(name for names, _ in self.readers.values() for name in names), *self.others]

    def raw(self, columns: Sequence[str]) -> list[str]:
        """Return the chats that the texts are of, and the others that are wanted."""
        chats = [column for column, (names, _) in self.readers.items() if set(names) & set(columns)]
        return [*chats, *(c for c in columns if c in self.others)]

    def flat(self, values: Mapping[str, object], where: Where) -> Mapping[str, object]:
        """Return the texts of the turns, with the other columns."""
        found: dict[str, object] = {c: values[c] for c in self.others if c in values}
        for column, (_, read) in self.readers.items():
            if column in values:
                found |= read(values[column], where(column))
        return found


def _turns(cell: object, place: str) -> list[tuple[str, str | None]]:
    """Return who speaks ("user", "assistant" or "system") and what is said, turn by turn."""
    if not isinstance(cell, list):
        kind = "missing" if cell is None else f"of type {type(cell).__name__}"
        raise DataError(f"the chat is {kind}, not a list of turns", where=place, hint=f"write {CHAT_ROW}")
    return [turn for i, item in enumerate(cell, start=1) for turn in _spoken(item, f"{place}, turn {i}")]


def _spoken(item: object, place: str) -> list[tuple[str, str | None]]:
    """Return a turn; two where one object holds what both sides say, as in {"human": "…", "assistant": "…"}."""
    if isinstance(item, Mapping):
        speaker = next((key for key in SPEAKER if key in item), None)
        if speaker is None and (both := [(_side(str(key)), _text(said, place)) for key, said in item.items() if _side(str(key))]):
            return [(str(side), said) for side, said in both]
        if speaker is not None:
            side = _side(str(item[speaker]))
            if side is None:
                what = f"the {speaker} {str(item[speaker])[:60]!r} is neither the user, the assistant nor the system"
                raise DataError(what, where=place, hint='write "user", "assistant" or "system"')
            return [(side, _text(next((item[key] for key in SAID if key in item), None), place))]
    raise DataError("the turn does not say who speaks", where=place, hint=f"write {CHAT_ROW}")


def _side(speaker: str) -> str | None:
    name = plain(speaker)
    return "user" if name in USER else "assistant" if name in ASSISTANT else "system" if name in SYSTEM else None


def _text(said: object, place: str) -> str | None:
    """Return the text of a turn; of parts those that are texts."""
    if isinstance(said, list):
        parts = [part.get("text") if isinstance(part, Mapping) else part for part in said]
        return "\n".join(part for part in parts if isinstance(part, str)) or None
    if said is None or isinstance(said, str):
        return said
    raise DataError(f"what is said is of type {type(said).__name__}, not a text", where=place, hint="write it in quotes")


def _has_text(said: str | None) -> bool:
    return said is not None and bool(said.strip())


def _read_dialogue(cell: object, place: str) -> Mapping[str, object]:
    """Return the last user turn that is answered, and its answer."""
    turns = [(side, said) for side, said in _turns(cell, place) if side != "system" and _has_text(said)]
    for i in range(len(turns) - 2, -1, -1):
        if turns[i][0] == "user" and turns[i + 1][0] == "assistant":
            return {"anchor": turns[i][1], "positive": turns[i + 1][1]}
    sides = {side for side, _ in turns}
    what = "no turn of the user is followed by an answer of the assistant"
    if "assistant" not in sides:
        what = "the chat has no answer of the assistant"
    elif "user" not in sides:
        what = "the chat has no turn of the user"
    raise DataError(what, where=place, hint=f"write a chat as {CHAT_ROW}, or a row with positives as {EMBEDDING_ROW}")


def _read_last(cell: object, place: str, *, name: str, user: bool = False) -> Mapping[str, object]:
    """Return the last turn (of the user) of a chat, or of each of a list of chats."""
    if cell is None or cell == []:
        return {name: cell}
    if isinstance(cell, list) and isinstance(cell[0], list):
        texts = [_last(chat, f"{place}, item {i}", user=user) for i, chat in enumerate(cell, start=1)]
        return {name: texts[0] if len(texts) == 1 else texts}
    return {name: _last(cell, place, user=user)}


def _last(cell: object, place: str, *, user: bool) -> str | None:
    sides = ("user",) if user else ("user", "assistant")
    found = [said for side, said in _turns(cell, place) if side in sides]
    if not found:
        what = f"the chat has no turn{' of the user' if user else ''}"
        raise DataError(what, where=place, hint=f"write {EMBEDDING_ROW}")
    return found[-1]


def find(look: Look) -> ChatShape | None:
    """Return how the chats of the rows are read."""
    chats = [c for c in look.columns if (cells := look.cells(c)) and all(_is_chat(cell) for _, cell in cells if cell != [])]
    chats = [c for c in chats if any(cell for _, cell in look.cells(c))]
    if not chats or look.is_enough_without(chats):
        return None
    positives = [c for c in chats if plain(c).startswith(("pos", "chosen"))]
    negatives = [c for c in chats if plain(c).startswith(("neg", "rejected", "hardneg"))]
    rest = [c for c in chats if c not in (*positives, *negatives)]
    readers: dict[str, tuple[tuple[str, ...], ReadChat]]
    if len(rest) == 1 and len(positives) == 1:
        readers = {rest[0]: (("anchor",), partial(_read_last, name="anchor", user=True))}
        readers[positives[0]] = (("positive",), partial(_read_last, name="positive"))
        for i, column in enumerate(negatives):
            name = f"negative_{i + 1}" if len(negatives) > 1 else "negative"
            readers[column] = ((name,), partial(_read_last, name=name))
        said = f'the last turn of the user in "{rest[0]}" is the anchor, the last turn in "{positives[0]}" the positive'
        said += "".join(f', in "{column}" the negative' for column in negatives)
    elif len(rest) + len(positives) == len(negatives) == 1 and not any(is_known(c) for c in look.columns if c not in chats):
        answered = (*rest, *positives)[0]
        readers = {answered: (("anchor", "positive"), _read_dialogue)}
        readers[negatives[0]] = (("negative",), partial(_read_last, name="negative"))
        said = f'in "{answered}" the last answered turn of the user is the anchor, the answer of the assistant the positive'
        said += f', the last turn in "{negatives[0]}" the negative'
    elif len(chats) == 1 and not is_known(chats[0]):
        readers = {chats[0]: (("anchor", "positive"), _read_dialogue)}
        said = f'in "{chats[0]}" the last answered turn of the user is the anchor, the answer of the assistant the positive'
    else:
        readers = {column: ((column,), partial(_read_last, name=column)) for column in chats}
        said = f"the last turn of {' and '.join(map(repr, chats))} is the text"
    return ChatShape(look.columns, readers, [f"{said}{_left_out(look, chats)}"])


def _left_out(look: Look, chats: Sequence[str]) -> str:
    """Say what of the first rows is not used."""
    turns = [turn for c in chats for _, cell in look.cells(c) for turn in _flat_turns(cell)]
    speakers = {_side(str(turn.get(key))) for turn in turns for key in SPEAKER if key in turn}
    parts = [part for turn in turns for key in SAID if isinstance(said := turn.get(key), list) for part in said]
    left = [
        *(["system prompts"] if "system" in speakers else []),
        *(["what is no text"] if any(isinstance(part, Mapping) and "text" not in part for part in parts) else []),
    ]
    return f"; {' and '.join(left)} {'are' if 'system' in speakers else 'is'} left out" if left else ""


def _flat_turns(cell: object) -> list[Mapping[object, object]]:
    items = cell if isinstance(cell, list) else []
    return [turn for item in items for turn in (item if isinstance(item, list) else [item]) if isinstance(turn, Mapping)]


def _is_chat(cell: object) -> bool:
    """Tell whether a cell is a list of turns, or a list of such lists."""
    if isinstance(cell, list) and cell and isinstance(cell[0], list):
        return all(_is_chat(chat) and isinstance(chat[0], Mapping) for chat in cell)
    return isinstance(cell, list) and bool(cell) and isinstance(cell[0], Mapping) and _is_turn(cell[0])


def _is_turn(item: Mapping[object, object]) -> bool:
    if any(key in item for key in SPEAKER):
        return any(key in item for key in SAID)
    return {_side(str(key)) for key in item} >= {"user", "assistant"}
