"""Texts that stand for other texts: names of files, addresses, ids. Trained on as they are they give a plausible score.

Product codes, commands, names and single addresses may well be what people search for. What is hardly ever a text of its own is
an error, such as the name of a file of texts, a UUID, or a running number behind a word for "document"; what may be one is a
warning, such as pages of one web site; and codes that jump about are nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

DOCUMENT = r"md|markdown|txt|text|rst|html?|pdf|docx?|odt|rtf|epub|pptx?|xlsx?|tex|ipynb|eml|msg"
MEDIA = r"jpe?g|png|gif|webp|bmp|tiff?|heic|mp3|wav|m4a|flac|mp4|mov|avi|mkv|webm"
"""Suffixes of files that hold a text, and of pictures, sound and film. A file of code may be what is looked for, and has none."""
FILE = re.compile(rf"(?!https?://|www\.)[^\s<>|*?\"']+\.(?:{DOCUMENT}|{MEDIA})", re.IGNORECASE)
"""The name or path of a file without blanks, or its address in a store such as S3."""
PAGE_FILE = re.compile(r"https?://[^\s<>|\"']+\.(?:pdf|docx?|pptx?|xlsx?|txt|md|odt|rtf|epub)", re.IGNORECASE)
"""The address of a file that is no web page."""
SPACED_FILE = re.compile(rf"(?!https?://|www\.)[^<>|*?\"'$&;=\n\t]+\.(?:{DOCUMENT}|{MEDIA})", re.IGNORECASE)
"""The same with blanks, as people call their files; commands and sentences may end so, too."""
PART_OF_FILE = re.compile(
    rf"[^<>|*?\"'\n\t]+\.(?:{DOCUMENT})(?:#[^\s#]+|(?:[-_:#, ]+(?:page|chunk|part|p|pg|seite|s)?[-_:#. ]*\d+)+)", re.IGNORECASE
)
"""A heading, page or chunk of a file: setup.md#wifi, manual.pdf_page_0_chunk_1, manual.pdf p. 4."""
OTHER_FILE = re.compile(
    r"(?!https?://|-)[^\s<>|*?\"'$(){}]*/[^\s<>|*?\"'$(){}]+\.(?:json|jsonl|csv|tsv|xml|ya?ml)", re.IGNORECASE
)
"""The path of a file of data."""
STORE = re.compile(r"(?:s3a?|gs|file|az|abfss?|hdfs|dbfs|r2|oss|gdrive):/{1,3}[^\s<>\"']+", re.IGNORECASE)
ADDRESS = re.compile(r"(https?://|www\.|(?=/(?:[\w.%~-]+/){2}))([^\s?#<>\"']+)(\?[^\s#]*)?(#\S*)?", re.IGNORECASE)
"""A web address, or the path of one; [2] is host and path, [3] what is asked of it."""
DIGEST = re.compile(
    r"\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?|(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{16,128}"
    r"|ObjectId\([\"']?[0-9a-f]{24}[\"']?\)|(?:urn:)?uuid:[0-9a-f-]{36}",
    re.IGNORECASE,
)
"""A UUID, 16 and more hexadecimal digits, or how MongoDB prints an id."""
ULID = re.compile(r"[0-7](?=[A-Z]*\d)(?=\d*[A-Z])[0-9A-HJKMNP-TV-Z]{25}")
OPAQUE = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=(?:[A-Za-z_-]*\d+[A-Za-z_-]+){3})[A-Za-z0-9_-]{20,80}")
"""Many signs of all kinds without a meaning, as Google Drive calls its files."""
SHORTENED = re.compile(r"\d(?:[.,]\d+)?E(\+\d{2})")
"""A long number as Excel writes it; [1] is the exponent."""
DOI = re.compile(
    r"(?:doi:\s?|https?://(?:dx\.)?doi\.org/)?10\.\d{4,9}/\S+|urn:[a-z][a-z0-9-]+:\S+|(?:arxiv|pmid): ?[\w./-]+|pmc\d{5,9}",
    re.IGNORECASE,
)
PRODUCT = re.compile(r"B0(?=[0-9A-Z]*\d)[0-9A-Z]{8}")
"""A product of Amazon's (ASIN)."""
ISSUE = re.compile(r"([A-Z][A-Z0-9]{1,9}-|(?:INC|REQ|RITM|CHG|PRB|TASK|CS)(?=\d{6,}))(\d{1,9})()")
CITED = re.compile(r"([#\[(]|第)(\d{1,9})([\])条章节段页]?)")
"""[12], #12 and 第12条."""
NUMBERED = re.compile(
    r"((?:doc(?:ument)?|passage|psg|par(?:agraph)?|text|txt|chunk|page|art(?:icle)?|faq|kb|q(?:uery|uestion)?|a(?:ns(?:wer)?)?"
    r"|d|p|id|item|row|sec(?:tion)?|ctx|context|node|ticket|case)(?:[-_:#/.]?id)?[-_:#/.]?)(\d{1,9})"
    r"((?:[-_:#/.](?:(?:chunk|part|page|p|sec)[-_]?)?\d{1,9})*)",
    re.IGNORECASE,
)
"""A running number behind a word for a document; [1] is the word, [2] the number, [3] what comes behind it."""
SPOKEN = re.compile(
    r"(#?(?:doc(?:ument[os]?|s)?|dokument|passage|paragraph|absatz|text[eo]?|chunk|page|seite|página"
    r"|art(?:ic(?:le|ulo)|ikel|ículo)?|answer|antwort|réponse|документ|статья|ответ|文档|文書|段落|回答|答案|문서|respuesta|section|abschnitt|§|p|pp|para|kapitel|chapter)"
    r"\.?(?: ?(?:no|nr|n°)\.?)?[ #:_-]{0,3})(\d{1,9})"
    r"((?:[ ,.;:/_-]{1,2}(?:[^\W\d]{1,6}\.? ?)?\d{1,4}){0,3})",
    re.IGNORECASE,
)
"""The same as people write it: Document 12, Doc #12, § 4 Abs. 2, p. 7."""
LOWER, CODE = re.compile(r"[^\W\d_]+ \d+"), re.compile(r"[A-Z]\d+")
"""Written in passing, not as a heading is; and what may be a product, a street or a bus."""
BEHIND_A_WORD = re.compile(r"(#?[^\W\d_]{2,20}\.?[ #_-]{1,2})(\d{1,9})()")
"""A number behind any word."""
TEXTS_ALL_THE_SAME = frozenset(
    {
        *("eur", "usd", "gbp", "chf", "rs", "kr", "ca", "in", "about", "circa", "since", "until", "seit", "en", "age", "size"),
        *(
            "sku",
            "pn",
            "ean",
            "gtin",
            "upc",
            "isbn",
            "model",
            "type",
            "room",
            "gate",
            "platform",
            "line",
            "bus",
            "level",
            "version",
        ),
    }
)
"""Words before numbers that are an amount, a year, a product or a place: people ask for these."""
BETWEEN = re.compile(r"\s*[,;|]\s*|\s+")

LONGEST = 200
"""Characters; what is longer is a text."""
MOST_WORDS = 8
"""Of the name of a file."""
MOST = 0.9
"""Share of the texts that are of one form."""
SPARSE, DENSE = 4, 2
"""Running numbers leave out less than this many for each that they use, behind any word less than `DENSE`; codes jump."""
YEARS = range(1000, 2101)


SURE, PERHAPS, PAGES = "columns.reference", "columns.code", "columns.address"
"""Codes of the findings: an error, a warning, and one about pages of the web."""


class Kind(NamedTuple):
    """What texts are, in words, and the code of the finding about it."""

    words: str
    code: str


SINGLE = (
    *(FILE, PAGE_FILE, SPACED_FILE, PART_OF_FILE, OTHER_FILE, STORE, ADDRESS, DIGEST, ULID, OPAQUE, SHORTENED, DOI, PRODUCT),
    *(ISSUE, CITED, NUMBERED, SPOKEN, BEHIND_A_WORD),
)
LISTED = (FILE, DIGEST, NUMBERED)
"""Forms of which several stand in one cell."""
HINTS = re.compile(r"[\d./]")
"""Every form has one of these signs."""


def may_refer(text: str) -> bool:
    """Tell whether a single text looks like a reference.

    >>> may_refer("guides/wifi.md"), may_refer("doc_0034"), may_refer("cat notes.txt > a"), may_refer("DR 1842 X")
    (True, True, False, False)
    """
    if len(text) > LONGEST or not HINTS.search(text):
        return False
    return any(form.fullmatch(text) for form in SINGLE) or len(_parts(text)) > 1


def _parts(text: str) -> list[str]:
    """Return the names in a text that lists several, such as "d1, d2"."""
    parts = [part for part in BETWEEN.split(text) if part]
    return parts if all(any(form.fullmatch(part) for form in LISTED) for part in parts) else []


def kind_of_references(texts: Collection[str], *, documents: bool = True) -> Kind | None:
    """Return what some distinct texts are, if nearly all that look like references are of one form; else None.

    Args:
        texts: that `may_refer`.
        documents: they are texts to find; as queries a word and a number may be meant.
    """
    for form, words, code in FORMS:
        if form(texts):
            return Kind(words, code)
    for pattern, sparse, code in RUNNING:
        if (documents or pattern is not BEHIND_A_WORD) and _are_running(texts, pattern, sparse):
            lower = _all(LOWER)(texts) and _most(text.islower() for text in texts)
            perhaps = _all(CODE)(texts) if pattern is NUMBERED else lower
            return Kind("an id (a running number)", PERHAPS if perhaps else code)
    listed = [_parts(text) for text in texts]
    if _most(len(parts) > 1 for parts in listed):
        found = kind_of_references({part for parts in listed for part in parts})
        return None if found is None else Kind(f"a list of ids (each is {found.words})", found.code)
    return None


def _most(found: Iterable[bool]) -> bool:
    listed = list(found)
    return bool(listed) and sum(listed) >= MOST * len(listed)


def _all(*patterns: re.Pattern[str]) -> Callable[[Collection[str]], bool]:
    """Return the test whether nearly all texts match one of some patterns."""
    return lambda texts: _most(any(pattern.fullmatch(text) for pattern in patterns) for text in texts)


def _are_files(texts: Collection[str]) -> bool:
    """Tell whether texts are names of files, perhaps with blanks: commands and requests begin with the same few words."""
    if not _all(SPACED_FILE, FILE)(texts):
        return False
    spaced = [text.split() for text in texts if " " in text]
    if any(word.startswith("-") and len(word) > 1 for words in spaced for word in words):
        return False  # options of a command
    firsts = Counter(words[0] for words in spaced)
    few = bool(spaced) and firsts.most_common(1)[0][1] > len(spaced) / 3
    lower = sum(words[0].islower() and words[0].isalpha() for words in spaced)
    return not (few and lower > len(spaced) / 2) and all(len(words) <= MOST_WORDS for words in spaced)


def _are_shortened(texts: Collection[str]) -> bool:
    """Tell whether texts are long numbers of one length, of which Excel kept the first digits."""
    return _all(SHORTENED)(texts) and len({text[-3:] for text in texts}) == 1


def _are_pages(texts: Collection[str]) -> bool:
    """Tell whether texts are addresses of pages of one kind on one site: the same but for the last part and for numbers."""
    found = [match for text in texts if (match := ADDRESS.fullmatch(text))]
    if len(found) < MOST * len(texts):
        return False
    kinds = Counter((_template(match[2]), match[3] is not None) for match in found)
    return kinds.most_common(1)[0][1] >= MOST * len(texts)


def _template(path: str) -> str:
    """Return host and path without what differs from page to page."""
    host, *folders = path.strip("/").split("/")
    same = ["*" if re.search(r"\d", folder) else folder for folder in folders[:-1]]
    return "/".join([host, *same, "*"])


def _are_running(texts: Collection[str], pattern: re.Pattern[str], sparse: int) -> bool:
    """Tell whether texts are one word with running numbers."""
    found = [match for text in texts if (match := pattern.fullmatch(text))]
    if not found or len(found) < MOST * len(texts) or len({match[1].casefold() for match in found}) > 1:
        return False
    numbers = {int(match[2]) for match in found}
    word = found[0][1].strip(" #_-.").casefold()
    if word in TEXTS_ALL_THE_SAME or (pattern is BEHIND_A_WORD and all(number in YEARS for number in numbers)):
        return False
    running = max(numbers) - min(numbers) < sparse * len(numbers)
    return running and (len(numbers) > 1 or len({match[3] for match in found}) > 1)


FORMS: tuple[tuple[Callable[[Collection[str]], bool], str, str], ...] = (
    (_are_files, "the name of a file", SURE),
    (_all(PAGE_FILE), "the address of a file", SURE),
    (_all(PART_OF_FILE, FILE), "the name of a part of a file", SURE),
    (_all(DIGEST, ULID), "an id (hexadecimal digits)", SURE),
    (
        lambda texts: _all(SHORTENED)(texts) and len({text[-3:] for text in texts}) == 1,
        "an id as Excel shortens long numbers",
        SURE,
    ),
    (_all(STORE, OTHER_FILE), "the path of a file", PERHAPS),
    (_all(DOI), "an identifier (a DOI, an ISBN or the like)", PERHAPS),
    (_all(PRODUCT), "a product number (ASIN)", PERHAPS),
    (_all(OPAQUE), "an id (letters and digits without a meaning)", PERHAPS),
    (_are_pages, "a web address", PAGES),
)
"""Forms of which no numbers need to be looked at: the test, what texts of it are, and the code of the finding."""
RUNNING = (
    (NUMBERED, SPARSE, SURE),
    (SPOKEN, DENSE, SURE),
    (ISSUE, SPARSE, PERHAPS),
    (CITED, DENSE, PERHAPS),
    (BEHIND_A_WORD, DENSE, PERHAPS),
)
