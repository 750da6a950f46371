"""Several JSON values in one text: one after another over many lines or on one, with commas between them, in a broken array."""

from __future__ import annotations

import json

BETWEEN = " \t\r\n,\x1e"
"""What may stand between two values; the last is that of JSON text sequences."""


def values_in(text: str) -> list[tuple[int, object]]:
    """Return the values of a text with the line on which each begins; none where something else stands between them.

    A list of objects that is the only value is given as its objects, so is one with a comma too much or without its end.

    >>> values_in('{"a": 1}{"a": 2},')
    [(1, {'a': 1}), (1, {'a': 2})]
    """
    decoder = json.JSONDecoder()
    found: list[tuple[int, object]] = []
    position, line, inside = 0, 1, False
    while True:
        begin = position
        while position < len(text) and text[position] in BETWEEN:
            position += 1
        line += text.count("\n", begin, position)
        if position == len(text):
            break
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            sign = text[position]
            # only the outermost bracket is passed over: to try each of many in turn would take minutes
            if (sign != "[" or found or inside) and not (sign == "]" and inside and not text[position + 1 :].strip()):
                return []
            inside, position = True, position + 1
            continue
        found.append((line, value))
        line += text.count("\n", position, end)
        position = end
    if len(found) == 1 and isinstance(array := found[0][1], list) and array and all(isinstance(item, dict) for item in array):
        return list(enumerate(array, start=1))
    kinds = {type(value) for _, value in found}
    return found if kinds in ({dict}, {list}) else []
