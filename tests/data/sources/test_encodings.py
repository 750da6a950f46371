"""The command that is given for a file that is not UTF-8."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.sources.readers.encodings import likely
from tests.support.source_files import message, write

TEXTS = {
    "GBK": "护照在哪里申请,请带身份证到市政厅",
    "SHIFT_JIS": "パスポートはどこで申請できますか,市役所で申請してください",
    "EUC-JP": "パスポートはどこで申請できますか,市役所で申請してください",
    "EUC-KR": "여권은 어디에서 신청하나요,시청에서 신청하세요",
    "WINDOWS-1251": "Где получить паспорт?,В ратуше по понедельникам",
    "WINDOWS-1252": "Wo bekomme ich einen Paß für die Schülerin?,Im Bürgerbüro, où vous êtes déjà",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_the_likely_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    content = f"query,document\n{TEXTS[encoding]}\n".encode(encoding)
    assert f"`iconv -f {encoding} -t UTF-8 OLD > NEW`" in message(write(tmp_path / "p.csv", content))


@pytest.mark.parametrize("text", ["naïve,café", "¿Dónde está el baño?,Allí", "für,Öl", "“Quoted” – text,it’s", "Ærø,blåbærgrød"])
def test_western_texts(text: str) -> None:
    assert likely(text.encode("cp1252")) == "WINDOWS-1252"


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-32", "UTF-32"), ("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE"), ("utf-32-le", "UTF-32LE")],
)
def test_wide_encodings_are_never_stripped_of_their_bytes(tmp_path: Path, encoding: str, named: str) -> None:
    error = message(write(tmp_path / "p.csv", "query,document\nЧто это,это\n".encode(encoding)))
    assert f"`iconv -f {named} -t UTF-8 OLD > NEW`" in error
    assert "tr " not in error.partition("What to do")[2]
