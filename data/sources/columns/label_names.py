"""What the name of a column beside two texts says: that it holds a grade or class of the pair, that it may, or that it does not.

Names are read in words ("is_duplicate", "isDuplicate", "Ähnlichkeit (1-5)"), without accents, in the languages in which tables
are exported. A name says too little to be sure: what the column holds decides the rest, see `data.sources.columns.label_columns`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import IntEnum
from functools import cache


class Says(IntEnum):
    """What a name says about its column."""

    OTHER = 0
    """It is something else: an id, a count, a date, a language."""
    NOTHING = 1
    MAYBE = 2
    """A score or class of which the name does not say that it is about the pair ("quality_score")."""
    GRADE = 3
    """How well the two texts belong together."""


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, without case and accents."""
    return frozenset(map(without_accents, text.split()))


def without_accents(word: str) -> str:
    """Return a word without case and accents."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not unicodedata.combining(sign)))


OF_THE_PAIR = words_of(
    "similarity similarities similar sim simscore relatedness related relevance relevant relevancy duplicate duplicates"
    " duplicated duplication dup paraphrase paraphrases entailment entails nli match matches matched matching judgment"
    " judgments judgement judgements cosine equivalent equivalence same sts stsb qrel rel Ähnlichkeit ähnlich Aehnlichkeit"
    " Duplikat Dublette Übereinstimmung Uebereinstimmung Relevanz gleich gleichbedeutend similarité similaire pertinence"
    " pertinent doublon identique ressemblance similitud similar relevancia relevante duplicado coincidencia coincide"
    " parecido semelhança similaridade relevância somiglianza similarità pertinenza duplicato rilevanza gelijkenis"
    " overeenkomst podobieństwo likhet lighed benzerlik сходство схожесть релевантность дубликат совпадение 相似度 相似性"
    " 相似 相关性 相关度 類似度 関連度 重複 유사도 중복"
)
"""Words that only make sense about two texts."""

LABELS = words_of(
    "label labels gold annotation annotations target targets y class classes verdict groundtruth truth gt lbl cls Etikett Klasse"
    " étiquette classe etiqueta clase rótulo etichetta etykieta etiket метка класс 标签 标注 类别 ラベル 라벨 레이블"
)
"""Words for a class, or for a grade, of whatever the row is about."""

GRADES = words_of(
    "score scores rating ratings grade grades Bewertung Bewertungen Punktzahl Wertung puntuación puntaje calificación"
    " valoración pontuação avaliação punteggio valutazione beoordeling ocena skor puan betyg poäng оценка балл 分数 得分"
    " 评分 スコア 評価 점수"
)
"""Words for a number, of whatever the row is about."""

VERDICTS = words_of(
    "relation relationship result outcome decision correct correctness selected prediction pred predicted feedback"
)
"""Words for what somebody found out, which may be about the pair."""

RIGHT = words_of("correct correctness richtig correcto correta corretto juist")
"""Those that are about the pair where they stand alone: whether an answer is right."""

DISTANCES = words_of(
    "distance distances dissimilarity dissimilar dist Abstand Distanz Unähnlichkeit distancia distanza distância"
    " расстояние 距离 距離 error errors loss losses difference differences divergence"
)
"""Words for a number that is the higher the less the two texts have to do with each other."""

OPPOSITES = words_of(
    "irrelevant irrelevance irrelevancy nonrelevant mismatch mismatches mismatched mismatching different distinct unlike"
    " incorrect wrong contradiction contradicts contradictory unequal disagree disagreement negative negativ verschieden"
    " unterschiedlich falsch irrelevante différent diferente distinto diverso"
)
"""Words for a verdict that is the higher the less the two texts belong together."""

NEGATIONS = words_of("not non no nicht kein keine keinen pas não niet geen inte ikke nie не un dis ir in mis")
"""What turns the meaning of the next word round, or of the word that it begins."""

SIDE = words_of(
    "is are the a an of for and avg average mean median final human expert annotator annotators annotated majority true"
    " gold golden overall total normalized normalised norm scaled manual pair pairs text texts sentence sentences"
    " semantic semantics meaning intent content value values binary crowd judge judges teacher cross crossencoder encoder"
    " reranker ce llm gpt gpt4 cos 0 1 2 3 4 5 6 7 8 9 10 100 mittel mittlere durchschnitt ist promedio media moyenne"
    " moyen note médio"
) | {""}
"""Words beside them that leave the meaning as it is."""

OTHERS = words_of(
    "id ids uuid idx index no nr num number date time timestamp day year month rank ranks ranking position page pages"
    " url urls uri link links lang langs language languages locale country vote votes upvotes downvotes likes like click"
    " clicks clicked ctr views view count counts price prices cost costs amount stock quantity length len size tokens"
    " words chars author authors user users name names title filename file path parse comment comments explanation reason"
    " rationale topic topics tag tags type types genre domain dataset split splits group groups fold version weight"
    " weights confidence std stddev stdev variance var bm25 tfidf sentiment emotion toxicity spam hate gender age male"
    " female mobile active sponsored verified deleted closed answered accepted train training dev test valid validation"
    " has in hat tiene popularity perplexity readability difficulty lines created updated source sku ean isbn zip lat lon"
    " duration status category categories kategorie catégorie categoría categoria sprache datum preis seite langue idioma"
    " fecha fecha precio prix página pagina lingua дата язык цена 日期 语言 价格"
    " source sources origin colour color size brand region market product products department channel platform device os browser"
    " subject section chapter paragraph field format license licence owner editor creator worker batch round team company"
    " customer project model provider engine system method style tone level volume issue season week hour hours minute minutes"
    " second seconds ms ratio temperature currency unit units state city town zone area site host server client shop store"
    " collection corpus set subset series program format encoding priority severity stage step phase queue farbe größe marke"
    " quelle herkunft abteilung produkt bereich land fuente origen producto marca idioma pays produit marque fonte prodotto"
)
"""Words that make something else of a column, whatever stands beside them."""

LOOSE = words_of("type types kind status category categories Kategorie catégorie categoría categoria tag tags comment comments")
"""Those of them under which a verdict on the pair may stand, too."""

PERSONS = words_of("annotator annotators annotated rater raters judge judges expert teacher reviewer by von par llm gpt bot")
"""Words for those who judge."""

AVERAGES = words_of("mean avg average median final majority total overall gold Mittel Durchschnitt promedio media moyenne")
"""Words for what several judges gave together."""

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def parts(name: str) -> list[str]:
    """Return the words of a name, without case and accents.

    >>> parts("isDuplicate"), parts("gold_label"), parts("Ähnlichkeit (1-5)")
    (['is', 'duplicate'], ['gold', 'label'], ['ahnlichkeit', '1', '5'])
    """
    apart = _CAMEL.sub(" ", unicodedata.normalize("NFC", name))
    return [word for word in re.split(r"[\W_]+", without_accents(apart)) if word]


def says(name: str) -> Says:
    """Return what the name of a column says about it."""
    words, opposite = _known_parts(name), names_the_opposite(name)
    if any(word in OTHERS and not (opposite and word in NEGATIONS) for word in (*words, *parts(name))):
        return Says.OTHER
    if opposite:
        return Says.MAYBE
    if any(word in OF_THE_PAIR for word in words) or {"is", "selected"} <= set(words):
        return Says.GRADE
    marks = GRADES | LABELS | RIGHT
    if any(word in marks for word in words):
        alone = all(word in SIDE or word in marks for word in words)
        return Says.GRADE if alone or any(word in ("label", "labels") for word in words) else Says.MAYBE
    return Says.MAYBE if any(word in VERDICTS for word in words) else Says.NOTHING


def is_loose(name: str) -> bool:
    """Tell whether a verdict on the pair may stand under a name that says something else ("type", "status")."""
    words = [word for word in (*_known_parts(name), *parts(name)) if word in OTHERS]
    return all(word in LOOSE for word in words)


def names_the_opposite(name: str) -> bool:
    """Tell whether the name is one for values that are high for texts that have nothing to do with each other.

    >>> names_the_opposite("not_duplicate"), names_the_opposite("irrelevant"), names_the_opposite("cosine_distance")
    (True, True, True)
    """
    return names_a_distance(name) or denies(name)


def denies(name: str) -> bool:
    """Tell whether the name says in words that the two texts do not belong together ("unrelated", "no match")."""
    words = _known_parts(name)
    about = OF_THE_PAIR | RIGHT | {"related", "equal", "gleich", "accepted", "acceptable"}
    if any(word in OPPOSITES for word in words):
        return True
    turned = any(word in NEGATIONS and any(other in about for other in words[place + 1 :]) for place, word in enumerate(words))
    return turned or any(
        word.startswith(negation) and word[len(negation) :] in about and word not in about
        for word in words
        for negation in NEGATIONS
    )


def names_a_distance(name: str) -> bool:
    """Tell whether the name is one for numbers that grow with the distance of the two texts."""
    return any(word in DISTANCES for word in _known_parts(name))


def names_a_person(name: str) -> bool:
    """Tell whether the name is one for who or what gave a verdict ("annotator", "judge_model")."""
    return any(word in PERSONS for word in _known_parts(name))


def names_an_average(name: str) -> bool:
    """Tell whether the name is one for what several judges gave together."""
    return any(word in AVERAGES for word in _known_parts(name))


def names_classes(name: str) -> bool:
    """Tell whether the name is one for classes as well as grades ("label", "class"; not "score", "relevance")."""
    graded = OF_THE_PAIR - words_of("entailment entails nli judgment judgments judgement judgements")
    return not any(word in GRADES or word in graded for word in _known_parts(name))


def _known_parts(name: str) -> list[str]:
    """Return the words of a name, without the numbers behind them; words that are written together are taken apart."""
    words = [word.rstrip("0123456789") or word for word in parts(name)]
    return _taken_apart(words[0]) if len(words) == 1 else words


@cache
def _taken_apart(word: str) -> list[str]:
    """Return the words of a name that is written as one ("similarityscore", "isduplicate"), or the name itself."""
    for end in range(len(word) - 1, 1, -1):
        if word[:end] in _KNOWN and (rest := _taken_apart(word[end:])) and all(part in _KNOWN for part in rest):
            return [word[:end], *rest]
    return [word]


def _long(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word for word in words if len(word) > 1)


_KNOWN = _long(OF_THE_PAIR | LABELS | GRADES | SIDE)
