"""Which column plays which role: by its usual name, or as the config says. Never by position.

Names are compared without case and separators, so "Sentence_1", "sentence 1" and "sentence1" are one name. A role with
two candidates, or no known pair of roles, is an error that lists the columns and the config keys that settle it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from data.errors import DataError, nearest
from data.schema import RowKind
from data.sources.columns.label_names import names_classes
from data.sources.columns.roles import Family, Roles, score_note, setting
from data.spec import ColumnSpec

PAIRED_NAMES = (
    ("sentence1", "sentence2"),
    ("sentencea", "sentenceb"),
    ("text1", "text2"),
    ("texta", "textb"),
    ("question1", "question2"),
    ("premise", "hypothesis"),
)
"""Two columns that only mean something together: scored with a score column, otherwise an anchor and its positive."""

MORE_PAIRED_NAMES = (
    *(("sent1", "sent2"), ("s1", "s2"), ("q1", "q2"), ("sentencex", "sentencey"), ("textx", "texty"), ("phrase1", "phrase2")),
    *(("satz1", "satz2"), ("frage1", "frage2"), ("texto1", "texto2"), ("frase1", "frase2"), ("句子1", "句子2"), ("文1", "文2")),
)
"""The same, taken only where no other pair of roles is there."""

QUESTIONS_AND_ANSWERS = (
    *(("frage", "antwort"), ("pregunta", "respuesta"), ("domanda", "risposta"), ("pergunta", "resposta")),
    *(("question", "réponse"), ("vraag", "antwoord"), ("pytanie", "odpowiedź"), ("вопрос", "ответ"), ("питання", "відповідь")),
    *(
        ("soru", "cevap"),
        ("问题", "答案"),
        ("问题", "回答"),
        ("問題", "答案"),
        ("質問", "回答"),
        ("질문", "답변"),
        ("سؤال", "جواب"),
    ),
    ("sent0", "sent1"),
)
"""Pairs that are certain together alone: in the languages of tables, and as SimCSE writes them. Taken last as well."""

ANCHOR_NAMES = ("anchor", "query", "question")
POSITIVE_OBJECTS = ("positivepassages", "positivectxs", "positivedocuments")
"""Lists of objects with title and text, as Tevatron and DPR have them."""
CLICKED = ("clickedtitle", "clickeddocument", "clickeddoc", "clickedtext", "clickedpassage", "clickedresult")
POSITIVE_NAMES = ("positive", "positives", "pos", "document", "doc", "passage", "context", *CLICKED, *POSITIVE_OBJECTS)
ANSWER_NAMES = ("answer", "response")
"""The positive only where no column holds a passage: with question, answer and context the task is to find the context."""

LAST_RESORT_NAMES = (
    *(("title", "body"), ("title", "abstract"), ("source", "target")),
    *(("prompt", "completion"), ("prompt", "response"), ("input", "output")),
)
"""Pairs whose names are often meta data, or those of texts to be generated; taken only where no other pair of roles is there."""

SCORE_NAMES = (
    *("score", "similarity", "similarityscore", "label", "relatednessscore", "sim", "goldscore", "relatedness"),
    *("relevance", "relevant", "isrelevant", "isduplicate", "duplicate", "isparaphrase", "paraphrase"),
)
SPLIT_NAMES = ("split",)
GROUP_NAMES = ("group", "groupid")
NEGATIVE = re.compile(r"(?:hard)?neg(?:ative)?s?(?:passages|ctxs|documents)?(\d*)")

PATH = re.compile(r"[\w-]+(?:\.[\w-]+)+")
"""A column by the keys that lead to it, as objects within a row are read."""

SETTLE = (
    "name the columns in the YAML under `columns.` (columns.anchor and columns.positive, or columns.sentence1, columns.sentence2"
    " and columns.score), or on the command line: data.columns.anchor=NAME data.columns.positive=NAME"
)


def plain(name: str) -> str:
    """Return a column name without case and separators.

    >>> plain("Sentence_1"), plain("similarity score")
    ('sentence1', 'similarityscore')
    """
    return re.sub(r"[\W_]+", "", name).casefold()


def last_part(path: str) -> str:
    """Return the key that a dotted path ends in.

    >>> last_part("set.query"), last_part("query")
    ('query', 'query')
    """
    return path.rpartition(".")[2]


def is_known(name: str) -> bool:
    """Tell whether a column of this name holds texts of a row, by the name itself or the last part of a dotted path.

    >>> is_known("Positive_Passages"), is_known("set.query"), is_known("votes")
    (True, True, False)
    """
    pairs = {one for pair in (*PAIRED_NAMES, *LAST_RESORT_NAMES, *MORE_PAIRED_NAMES, *QUESTIONS_AND_ANSWERS) for one in pair}
    pairs -= {"q1", "q2", "s1", "s2"}  # these are ids as well
    last = plain(last_part(name))
    return last in {*ANCHOR_NAMES, *POSITIVE_NAMES, *ANSWER_NAMES, *pairs} or NEGATIVE.fullmatch(last) is not None


def show(columns: Sequence[str]) -> str:
    """List column names for a message: at most 20, each at most 60 characters (a file without a header has texts here)."""
    names = [repr(c if len(c) <= 60 else c[:57] + "...") for c in columns[:20]]
    return ", ".join(names) + (f" and {len(columns) - 20} more" if len(columns) > 20 else "")


def recognise(columns: Sequence[str], spec: ColumnSpec, where: str, advice: Callable[[], str] = lambda: "") -> Roles:
    """Return the role of each of `columns`.

    `advice` begins the hint where no column is known; it is asked then only, since it may read rows.

    Raises:
        DataError: a name in `spec` that is not a column, two candidates for one role, no known pair of roles.
    """
    return _Recogniser(list(columns), spec, where, advice).roles()


def _as_written(spec: ColumnSpec, columns: Sequence[str]) -> ColumnSpec:
    """Return the spec with each name as the file writes it: an é may be one sign or two, which look the same."""
    written = {unicodedata.normalize("NFC", name): name for name in columns}

    def found(name: str | None) -> str | None:
        return name if name is None or name in columns else written.get(unicodedata.normalize("NFC", name), name)

    names = {role: found(name) for role, name in spec.model_dump(exclude={"negatives"}).items()}
    return ColumnSpec(**names, negatives=[found(name) for name in spec.negatives])


class _Recogniser:
    """Works through the roles; `taken` are the columns that the config gave a role, which are no candidates any more."""

    def __init__(self, columns: list[str], spec: ColumnSpec, where: str, advice: Callable[[], str]) -> None:
        self.columns, self.spec, self.where, self.advice = columns, spec, where, advice
        self.notes: list[str] = []
        self.taken = self._check_spec()

    def _check_spec(self) -> set[str]:
        spec = self.spec = _as_written(self.spec, self.columns)
        given = {
            role: name
            for role in ("anchor", "positive", "sentence1", "sentence2", "score", "group", "split")
            if (name := getattr(spec, role)) is not None
        }
        given |= {f"negatives[{i}]": name for i, name in enumerate(spec.negatives)}
        for role, name in given.items():
            if name not in self.columns:
                near = nearest(name, self.columns, cutoff=0.5)
                hint = f"; did you mean {near!r}?" if near else "."
                raise DataError(
                    f"columns.{role} names a column {name!r} that does not exist{hint} Columns found: {show(self.columns)}",
                    where=self.where,
                    hint=f"correct columns.{role} in the YAML, data.columns.{role}=NAME on the command line, {role}= in Python",
                )
        names = list(given.values())
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise DataError(f"the config gives column {twice[0]!r} two roles", where=self.where, hint="name it once")
        if (spec.anchor or spec.positive or spec.negatives) and (spec.sentence1 or spec.sentence2):
            raise DataError(
                "the config names columns of two row kinds: anchor/positive/negatives and sentence1/sentence2",
                where=self.where,
                hint="keep columns.anchor and columns.positive, or columns.sentence1 and columns.sentence2 (and columns.score)",
            )
        return set(names)

    def _found(self, names: Sequence[str]) -> list[str]:
        """Return the columns of these names; where there is none, those whose dotted path ends in one, beside texts."""
        free = [c for c in self.columns if c not in self.taken]
        exact = [c for c in free if plain(c) in names]
        return exact or [c for c in free if PATH.fullmatch(c) and plain(last_part(c)) in names and self._is_beside_texts(c)]

    def _is_beside_texts(self, path: str) -> bool:
        """Tell whether the object that a path leads into holds a text of a row: a score elsewhere may be of something else."""
        inside = path.rpartition(".")[0] + "."
        return any(c.startswith(inside) and is_known(c) for c in self.columns)

    def _one(self, role: str, names: Sequence[str]) -> str | None:
        """Return the only column whose name is in `names`; None where there is none; an error where there are two."""
        found = self._found(names)
        if len(found) > 1:
            raise self._ambiguous(role, found)
        return found[0] if found else None

    def _ambiguous(self, role: str, found: Sequence[str]) -> DataError:
        # of a label and a score this is the one of which the direction is known
        name = next((column for column in found if not names_classes(column)), "NAME") if role == "score" else "NAME"
        return DataError(
            f"{len(found)} columns could be the {role}: {show(found)}. Columns found: {show(self.columns)}",
            where=self.where,
            hint=f"say which: columns.{role} in the YAML, or on the command line {setting(role, name)}",
        )

    def roles(self) -> Roles:
        """Return the roles, or raise a DataError."""
        spec = self.spec
        split = spec.split or self._one("split", SPLIT_NAMES)
        group = spec.group or self._one("group", GROUP_NAMES)
        pair_named = spec.anchor is not None and spec.positive is not None
        first, second, family = self._pair()
        self.taken |= {first, second}
        negatives = list(spec.negatives) or ([] if pair_named else self._negatives())
        self.taken |= set(negatives)
        # Whoever names anchor and positive has said what a row is: a column called "score" (votes, a rank) is then left alone.
        score = spec.score or (None if pair_named else self._one("score", SCORE_NAMES))
        if negatives and score is not None and spec.score is None:
            self.notes.append(f"column {score!r} is not used: rows with negatives take no score")
            score = None
        elif negatives and score is not None:
            raise DataError(
                f"rows have both a score ({score!r}) and negatives ({show(negatives)})",
                where=self.where,
                hint="drop columns.score to train on negatives, or rename the columns of negatives",
            )
        kind = RowKind.SCORED if score else RowKind.TUPLE if negatives else RowKind.PAIR
        if score is not None and spec.score is None and family is not Family.PAIRED:
            as_pairs = f"{setting('anchor', first)} {setting('positive', second)}"
            self.notes.append(score_note(score, as_pairs))
        if score is None and (spec.sentence1 or spec.sentence2):
            raise DataError(
                f"the config names sentences of scored pairs, but no column holds scores. Columns found: {show(self.columns)}",
                where=self.where,
                hint="name columns.score too (data.columns.score=NAME), or for pairs without scores columns.anchor and .positive",
            )
        used = {first, second, *negatives, score, group, split}
        return Roles(
            kind=kind,
            first=first,
            second=second,
            negatives=tuple(negatives),
            score=score,
            group=group,
            split=split,
            ignored=tuple(c for c in self.columns if c not in used and c),
            notes=tuple(self.notes),
            inference=(plain(first), plain(second)) == ("premise", "hypothesis"),
            score_may_be_class=score is not None and spec.score is None and names_classes(score),
            score_given=spec.score is not None,
            texts_given=pair_named,
            family=family,
        )

    def _pair(self) -> tuple[str, str, Family]:
        """Return the two text columns and what their names say."""
        spec = self.spec
        if spec.sentence1 or spec.sentence2:
            return (*self._completed_sentences(), Family.PAIRED)
        paired = [] if spec.anchor or spec.positive else self._paired(PAIRED_NAMES)
        anchor = spec.anchor or self._one("anchor", ANCHOR_NAMES)
        positive = spec.positive or self._positive()
        if paired and (len(paired) > 1 or (anchor and positive)):
            both = [c for pair in paired for c in pair] + [c for c in (anchor, positive) if c]
            raise self._ambiguous("anchor", both)
        if paired:
            return (*paired[0], Family.PAIRED)
        if anchor and positive:
            return anchor, positive, Family.USUAL
        if not anchor:
            last = [pair for pair in self._paired(LAST_RESORT_NAMES) if positive in (None, pair[1])]
            if len(last) == 1:
                self.notes.append(f"{last[0][0]!r} and {last[0][1]!r} are taken to belong together")
                return (*last[0], Family.LAST_RESORT)
            if len(last) > 1:
                raise self._ambiguous("anchor", [c for pair in last for c in pair])
        if positive is None and spec.anchor is None:
            for names, family in ((MORE_PAIRED_NAMES, Family.PAIRED), (QUESTIONS_AND_ANSWERS, Family.USUAL)):
                if len(more := self._paired(names)) == 1:
                    return (*more[0], family)
        raise self._unknown(anchor, positive)

    def _unknown(self, anchor: str | None, positive: str | None) -> DataError:
        half = f" ({anchor!r} looks like the anchor, but nothing like the positive)" if anchor else ""
        half = half or (f" ({positive!r} looks like the positive, but nothing like the anchor)" if positive else "")
        return DataError(
            f"the column names do not say which texts belong together{half}. Columns found: {show(self.columns)}",
            where=self.where,
            hint=self._hint() + SETTLE,
        )

    def _hint(self) -> str:
        """Return what is most likely wrong where no column is known, before the general advice."""
        if {"_id", "text"} <= set(self.columns):
            return "a BEIR folder needs corpus.jsonl, queries.jsonl and qrels/ side by side; for other files "
        return self.advice()

    def _completed_sentences(self) -> tuple[str, str]:
        """Return sentence1 and sentence2 where the config names at least one of them."""
        spec = self.spec
        firsts, seconds = zip(*PAIRED_NAMES, strict=True)
        first = spec.sentence1 or self._one("sentence1", firsts)
        second = spec.sentence2 or self._one("sentence2", seconds)
        for role, column in (("sentence1", first), ("sentence2", second)):
            if column is None:
                raise DataError(
                    f"no column for {role}. Columns found: {show(self.columns)}",
                    where=self.where,
                    hint=f"name it: columns.{role} in the YAML, or on the command line data.columns.{role}=NAME",
                )
        return str(first), str(second)

    def _paired(self, families: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        pairs = []
        for first_name, second_name in families:
            first, second = self._one("sentence1", [first_name]), self._one("sentence2", [second_name])
            if first and second:
                pairs.append((first, second))
        return pairs

    def _positive(self) -> str | None:
        passage = self._one("positive", POSITIVE_NAMES)
        answer = self._one("positive", ANSWER_NAMES)
        if passage and answer:
            self.notes.append(f"the text to find is {passage!r}; {answer!r} is not used")
        return passage or answer

    def _negatives(self) -> list[str]:
        """Return the columns of negatives by their number ("negative_2" before "negative_10"), those without a number first."""
        numbered = []
        for position, column in enumerate(self.columns):
            match = NEGATIVE.fullmatch(plain(last_part(column) if PATH.fullmatch(column) else column))
            if match and column not in self.taken:
                numbered.append((int(match[1] or 0), position, column))
        return [column for _, _, column in sorted(numbered)]
