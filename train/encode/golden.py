"""The texts by whose vectors a copy of a model can be checked anywhere. All of them are ours; none is the user's.

They cover what goes wrong where models are served: lengths on both sides of every usual limit of tokens, scripts, composed and
decomposed characters, code, numbers, white space, and texts with next to nothing in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

WHO = ("The ferry", "A gardener", "The old mill", "Every second train", "Our neighbour", "The night baker", "A retired pilot")
DID = ("repaired", "counted", "painted", "delivered", "forgot", "measured", "borrowed", "described", "sold")
WHAT = ("seven wooden boats", "the copper kettle", "a map of the harbour", "two crates of pears", "the broken barometer")
WHERE = ("near the lighthouse", "behind the station", "in the upper valley", "under the stone bridge", "at the edge of town")
WHEN = ("before sunrise", "during the first frost", "on a quiet Tuesday", "after the market closed", "in late autumn", "at noon")


def sentences() -> Iterator[str]:
    """Yield distinct sentences, always in the same order; each of them has its own number."""
    turn = 0
    while True:
        who, did, what = WHO[turn % 7], DID[turn % 9], WHAT[turn // 7 % 5]
        where, when = WHERE[turn // 9 % 5], WHEN[turn // 11 % 6]
        yield f"{who} {did} {what} {where} {when}, {turn + 1} steps from door {turn * 37 % 1009}."
        turn += 1


def prose(number: int, skip: int) -> str:
    """Return a text of so many sentences, of about 22 tokens each, beginning with another one than other texts do."""
    return " ".join(islice(sentences(), skip, skip + number))


GOLDEN_TEXTS: tuple[str, ...] = (
    # words and sentences
    "How do I reset my password?",
    "To reset your password, open the settings, choose Security and follow the link in the message that we send you.",
    "The bank raised its interest rate.",
    "They had a picnic on the river bank.",
    "NOT the same as: not the SAME As; MiXeD cAsE, iPhone, eBay, McDonald, NASA.",
    "A sentence without its full stop, and with quotes “like these”, 'these' and \"these\" — plus dashes – and … dots",
    # next to nothing
    " ",
    ".",
    "a",
    "?!",
    # numbers
    "Revenue rose 12.5% to $3,482,907.16 in Q3 2021 (from $3.096bn), i.e. +386.9m; EPS 1.07, P/E 23x.",
    "1 2 3 4 5 6 7 8 9 10 11 12 1e-9 0x7F +49 30 1234567 2024-02-29T23:59:60Z 192.168.0.1",
    # scripts
    "机器学习模型把文本变成向量，然后比较它们的相似度。",
    "東京の図書館で、朝から晩まで本を読んでいました。",
    "대한민국의 수도는 서울이며, 한강이 도시를 가로지릅니다.",
    "تُحوِّل النماذج اللغوية النصوص إلى متجهات يمكن مقارنتها.",
    "Быстрая лиса перепрыгнула через ленивую собаку, а затем уснула.",
    "हिन्दी में लिखा गया एक छोटा वाक्य।",
    "Çağrı, Übermut, Ångström, façade, naïve, Łódź, œuvre, straße",
    "cafe\u0301 re\u0301sume\u0301 n\u0303 o\u0308 — the same letters, decomposed: café résumé ñ ö",
    "👩‍🚀🚀 launch day! 🇯🇵🇧🇷 😂😂😂 👍🏽 ❤️ (family: 👨‍👩‍👧‍👦)",
    # code, markup, addresses
    "def mean(xs):\n    total = 0.0\n    for x in xs:\n        total += x\n    return total / len(xs)  # raises on []\n",
    'SELECT a.id, COUNT(*) AS n FROM orders a JOIN items b ON a.id = b.order_id WHERE b.price >= 9.99 GROUP BY 1; -- {"k": [1]}',
    '<p class="x">Tags &amp; entities</p> https://example.org/a/b?c=d&e=%20f#g mailto:someone@example.org C:\\temp\\file.txt',
    # white space
    "\tA line with a tab,\r\nanother   with   many   spaces,\n\n\nand empty lines.  \u00a0\u200b ",
    # lengths: 57, 119, 167, 322, 652, 1,328 and 4,760 tokens of all-MiniLM-L6-v2
    prose(3, 0),
    prose(5, 40),
    prose(7, 80),
    prose(14, 120),
    prose(29, 160),
    prose(60, 220),
    prose(210, 300),
)
"""32 texts. Their order and wording are part of the format: a file of golden vectors brings the texts that it was made with."""

PROBES = (1, 4, 10, 25)
"""Texts on which it is recorded what a wrongly served model would give: several tokens each, short enough for every limit."""
