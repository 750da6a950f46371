"""JSON files of formats that everyone knows: SQuAD, schema.org's FAQPage, an export of phpMyAdmin, an object of questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from data.errors import DataError

Rows = tuple[Sequence[object], str]
"""The rows, and in words where they were found."""
WORDS = 3
"""Words that a key has at least which is a question, unless it ends in a question mark."""
MARKS = ("?", "？", "؟")


def known_form(content: object, place: str) -> Rows | None:
    """Return the rows of a file in a known format; None where it is in none.

    Raises:
        DataError: it is, and has no row that can be used.
    """
    if isinstance(content, list):
        if len(content) == 1 and isinstance(content[0], dict) and "mainEntity" in content[0]:
            return _faq(content[0])
        return _phpmyadmin(content)
    if not isinstance(content, dict):
        return None
    return _squad(content, place) or _faq(content) or _questions(content)


def _objects(value: object) -> list[Mapping[str, object]]:
    """Return the objects of a list, none where there is something else in it."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return []
    return value


def _squad(content: Mapping[str, object], place: str) -> Rows | None:
    """Return question and context of SQuAD and its like; without questions that the context does not answer."""
    articles = _objects(content.get("data"))
    if not articles or not all(_objects(article.get("paragraphs")) for article in articles):
        return None
    rows, unanswered = list[object](), 0
    for article in articles:
        for paragraph in _objects(article["paragraphs"]):
            for question in _objects(paragraph.get("qas")):
                if question.get("is_impossible") is True:
                    unanswered += 1
                    continue
                answers = [answer.get("text") for answer in _objects(question.get("answers"))]
                row = {"question": question.get("question"), "context": paragraph.get("context"), "answers": answers}
                rows.append({**row, "title": article.get("title"), "id": question.get("id")})
    note = "read as SQuAD: each question belongs to the context of its paragraph"
    if unanswered and not rows:
        what = f"all {unanswered:,} questions are marked as having no answer in their context (is_impossible)"
        raise DataError(what, where=place, hint="give a file with questions that are answered, or write false there")
    if unanswered:
        questions = "question is" if unanswered == 1 else "questions are"
        note += f"; {unanswered:,} {questions} left out, since the context does not answer them (is_impossible)"
    return (rows, note) if rows else None


def _faq(content: Mapping[str, object]) -> Rows | None:
    """Return question and answer of a page of questions as schema.org describes it."""
    entities = [entity for page in (content, *_objects(content.get("@graph"))) for entity in _objects(page.get("mainEntity"))]
    rows = [row for entity in entities if (row := _question(entity)) is not None]
    return (rows, 'the rows are the questions under "mainEntity"') if rows else None


def _question(entity: Mapping[str, object]) -> dict[str, object] | None:
    answers = entity.get("acceptedAnswer") or entity.get("suggestedAnswer")
    answer = answers[0] if isinstance(answers, list) and answers else answers
    if "name" not in entity or not isinstance(answer, dict):
        return None
    return {"question": entity["name"], "answer": answer.get("text")}


def _phpmyadmin(content: Sequence[object]) -> Rows | None:
    """Return the rows of the only table of an export."""
    parts = _objects(list(content[:20]))
    if not parts or parts[0].get("type") != "header":
        return None
    tables = [part for part in _objects(list(content)) if part.get("type") == "table" and _objects(part.get("data"))]
    return (
        (_objects(tables[0]["data"]), f"the rows are those of the table {tables[0].get('name')!r}") if len(tables) == 1 else None
    )


def _questions(content: Mapping[str, object]) -> Rows | None:
    """Return question and answer of an object that has the questions as keys: {"How do I …?": "…"}."""
    values = content.values()
    texts = all(isinstance(value, str) or (isinstance(value, list) and _are_texts(value)) for value in values)
    if len(content) < 2 or not texts or not all(_is_question(key) for key in content):
        return None
    return list(_pairs(content)), "each key is read as a question, and what stands under it as its answer"


def _are_texts(value: Sequence[object]) -> bool:
    return bool(value) and all(isinstance(item, str) for item in value)


def _is_question(key: str) -> bool:
    return len(key.split()) >= WORDS or key.rstrip().endswith(MARKS)


def _pairs(content: Mapping[str, object]) -> Iterator[dict[str, object]]:
    for question, answer in content.items():
        yield {"question": question, "answer": answer}
