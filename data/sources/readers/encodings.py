"""Which encoding a line that is not UTF-8 is probably in, for the command that converts it."""

from __future__ import annotations

import re

KANA = re.compile("[\u3041-\u30fe]")
HANGUL = re.compile("[\uac00-\ud7a3]")
CYRILLIC = re.compile("[\u0430-\u044f]")
LEAST, NEARLY_ALL = 0.3, 0.9
"""Share of the signs beyond ASCII that must be such; of Korean ones, for which Chinese is easily taken."""
EASTERN = (
    ("SHIFT_JIS", "cp932", KANA, LEAST),
    ("EUC-JP", "euc_jp", KANA, LEAST),
    ("EUC-KR", "euc_kr", HANGUL, NEARLY_ALL),
)
"""Names for iconv and for Python, the signs that texts in such an encoding are full of, and how full."""
GB = re.compile(rb"(?:[\x00-\x7f]|[\xb0-\xd7][\xa1-\xfe]|[\xa1-\xa3][\xa1-\xfe])+")
"""Text of the common signs of GB 2312, as nearly all Chinese in GBK is; a Western letter stands between ASCII instead."""


def likely(raw: bytes) -> str:
    """Return the name by which iconv knows the encoding of a line.

    >>> likely("la clé".encode("cp1252")), likely("护照在哪里申请".encode("gbk")), likely("где получить".encode("cp1251"))
    ('WINDOWS-1252', 'GBK', 'WINDOWS-1251')
    """
    for name, codec, signs, least in EASTERN:
        if _share(raw, codec, signs) >= least:
            return name
    if GB.fullmatch(raw.strip()):
        return "GBK"
    return "WINDOWS-1251" if _share(raw, "cp1251", CYRILLIC) >= 2 * LEAST and _runs(raw) else "WINDOWS-1252"


def _share(raw: bytes, codec: str, signs: re.Pattern[str]) -> float:
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        return 0.0
    beyond = [sign for sign in text if ord(sign) > 127 and not "\uff61" <= sign <= "\uff9f"]
    return len(signs.findall(text)) / len(beyond) if beyond else 0.0


def _runs(raw: bytes) -> bool:
    """Tell whether whole words are beyond ASCII; in Western texts single letters are."""
    return re.search(rb"[\xc0-\xff]{4}", raw) is not None


def of_zeros(raw: bytes) -> str | None:
    """Return the encoding in which every other byte of a line, or three of four, is NUL; None where it is something else.

    >>> of_zeros("ab".encode("utf-16-le")), of_zeros("ab".encode("utf-32-be")), of_zeros(b"ab\\0c")
    ('UTF-16LE', 'UTF-32BE', None)
    """
    zeros = raw.count(0) / max(len(raw), 1)
    if zeros > 0.65:
        return "UTF-32BE" if raw[:2] == b"\0\0" else "UTF-32LE"
    if zeros > 0.3 and 0 in raw[:2]:
        return "UTF-16BE" if raw[0] == 0 else "UTF-16LE"
    return None
