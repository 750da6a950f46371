"""What the name of a column beside two texts says: that it holds a grade or class of the pair, that it may, or that it does not.

Names are read in words ("is_duplicate", "isDuplicate", "Ähnlichkeit (1-5)"), without accents, in the languages in which tables
are exported. A name says too little to be sure: what the column holds decides the rest, see `data.sources.label_columns`.
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


def _words(text: str) -> frozenset[str]:
    return frozenset(map(_bare, text.split()))


def _bare(word: str) -> str:
    """Return a word without case and accents."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not unicodedata.combining(sign)))


OF_THE_PAIR = _words(
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

LABELS = _words(
    "label labels gold annotation annotations target targets y class classes verdict groundtruth truth gt lbl cls Etikett Klasse"
    " étiquette classe etiqueta clase rótulo etichetta etykieta etiket метка класс 标签 标注 类别 ラベル 라벨 레이블"
)
"""Words for a class, or for a grade, of whatever the row is about."""

GRADES = _words(
    "score scores rating ratings grade grades Bewertung Bewertungen Punktzahl Wertung puntuación puntaje calificación"
    " valoración pontuação avaliação punteggio valutazione beoordeling ocena skor puan betyg poäng оценка балл 分数 得分"
    " 评分 スコア 評価 점수"
)
"""Words for a number, of whatever the row is about."""

VERDICTS = _words("relation relationship result outcome decision correct correctness prediction pred predicted")
"""Words for what somebody found out, which may be about the pair."""

DISTANCES = _words(
    "distance distances dissimilarity dissimilar dist Abstand Distanz Unähnlichkeit distancia distanza distância"
    " расстояние 距离 距離"
)
"""Words for a number that is the higher the less the two texts have to do with each other."""

SIDE = _words(
    "is are the a an of for and avg average mean median final human expert annotator annotators annotated majority true"
    " gold golden overall total normalized normalised norm scaled manual pair pairs text texts sentence sentences"
    " semantic semantics meaning intent content value values binary crowd judge judges teacher cross crossencoder encoder"
    " reranker ce llm gpt gpt4 cos 0 1 2 3 4 5 6 7 8 9 10 100 mittel mittlere durchschnitt ist promedio media moyenne"
    " moyen note médio"
) | {""}
"""Words beside them that leave the meaning as it is."""

OTHERS = _words(
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
)
"""Words that make something else of a column, whatever stands beside them."""

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def parts(name: str) -> list[str]:
    """Return the words of a name, without case and accents.

    >>> parts("isDuplicate"), parts("gold_label"), parts("Ähnlichkeit (1-5)")
    (['is', 'duplicate'], ['gold', 'label'], ['ahnlichkeit', '1', '5'])
    """
    apart = _CAMEL.sub(" ", unicodedata.normalize("NFC", name))
    return [word for word in re.split(r"[\W_]+", _bare(apart)) if word]


def says(name: str) -> Says:
    """Return what the name of a column says about it."""
    words = _known_parts(name)
    if not words or any(word in OTHERS for word in (*words, *parts(name))):
        return Says.OTHER if words else Says.NOTHING
    if any(word in DISTANCES for word in words):
        return Says.MAYBE
    if any(word in OF_THE_PAIR for word in words):
        return Says.GRADE
    if any(word in VERDICTS for word in words):
        return Says.MAYBE
    if not any(word in GRADES or word in LABELS for word in words):
        return Says.NOTHING
    alone = all(word in SIDE or word in GRADES or word in LABELS for word in words)
    return Says.GRADE if alone or any(word in ("label", "labels") for word in words) else Says.MAYBE


def names_a_distance(name: str) -> bool:
    """Tell whether the name is one for numbers that are high for texts that have nothing to do with each other."""
    return any(word in DISTANCES for word in _known_parts(name))


def names_classes(name: str) -> bool:
    """Tell whether the name is one for classes as well as grades ("label", "class"; not "score", "relevance")."""
    graded = OF_THE_PAIR - _words("entailment entails nli judgment judgments judgement judgements")
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
