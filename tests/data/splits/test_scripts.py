"""Scripts without blanks between words: what counts as a word, and near duplicates that are found there, and that are none."""

from __future__ import annotations

import random
import unicodedata

import pytest

from data.splits.scripts import UNSPACED, mostly_unspaced, spaced
from tests.data.splits.test_near_duplicates import alike, near

SENTENCES = {
    "Thai": ("อยากทราบว่าต้องชาร์จแบตเตอรี่ของเลื่อยไฟฟ้านานเท่าไรก่อนใช้งานครั้งแรกหลังจากซื้อมาจากสาขาในเมือง", "ครับ", "ค่ะ"),
    "Lao": ("ຂ້ອຍຢາກຮູ້ວ່າຕ້ອງສາກແບັດເຕີຣີຂອງເລື່ອຍໄຟຟ້າດົນປານໃດກ່ອນໃຊ້ງານຄັ້ງທຳອິດຫຼັງຈາກຊື້ມາຈາກຮ້ານໃນເມືອງ", "ເຈົ້າ", "ແດ່"),
    "Khmer": ("តើខ្ញុំត្រូវសាកថ្មរបស់រណារអគ្គិសនីរយៈពេលប៉ុន្មានមុនពេលប្រើលើកដំបូងបន្ទាប់ពីទិញពីហាងនៅក្នុងទីក្រុងនិងដឹកមកដល់ផ្ទះ", "បាទ", "ចាស"),
    "Burmese": ("လျှပ်စစ်လွှကိုမြို့ထဲကဆိုင်မှဝယ်ပြီးနောက်ပထမဆုံးအသုံးမပြုမီဘက်ထရီကိုဘယ်လောက်ကြာအောင်အားသွင်းရမလဲသိချင်လို့ပြောပြပေးပါ", "ခင်ဗျာ", "ရှင်"),
    "Tibetan": (
        "གྲོང་ཁྱེར་ནང་གི་ཚོང་ཁང་ནས་ཉོས་པའི་གློག་གི་སོག་ལེ་འདི་ཐེངས་དང་པོར་བེད་སྤྱོད་མ་བྱས་གོང་ལ་གློག་རྫས་ཡུན་རིང་ཙམ་གསོག་དགོས་སམ་ཞེས་ང་ལ་གསལ་བོར་བཤད་རོགས",
        "",
        "།",
    ),
    "Japanese": (
        "町の店で買った電動のこぎりを初めて使う前に、電池をどのくらいの時間充電すればよいのか教えていただけます",
        "か",
        "かね",
    ),
    "Japanese in half-width kana": ("ﾏﾁﾉﾐｾﾃﾞｶｯﾀﾃﾞﾝﾄﾞｳﾉｺｷﾞﾘｦﾊｼﾞﾒﾃﾂｶｳﾏｴﾆﾃﾞﾝﾁｦﾄﾞﾉｸﾗｲﾉｼﾞｶﾝｼﾞｭｳﾃﾞﾝｽﾚﾊﾞﾖｲﾉｶｵｼｴﾃｸﾀﾞｻｲﾏｾﾝ", "ｶ", "ｶﾈ"),
    "Chinese": ("在城里的商店买来的电锯第一次使用之前需要给电池充电多长时间才能保证安全地切开厚木板而不伤到手指", "吗", "呢"),
    "Javanese": ("ꦏꦸꦭꦧꦝꦺꦩꦸꦤ꧀ꦝꦸꦠ꧀ꦧꦸꦏꦸꦲꦶꦁꦏꦁꦲꦚꦂꦱꦏꦶꦁꦠꦺꦴꦏꦺꦴꦲꦶꦁꦏꦶꦛꦏꦭꦶꦪꦤ꧀ꦩꦧꦾꦂꦱꦶꦁꦥꦲꦺꦴꦱ꧀ꦧꦺꦤ꧀ꦗꦁꦲꦺꦚ꧀ꦗꦁ", "ꦭ", "ꦲ"),
}


@pytest.mark.parametrize(("sentence", "end", "other"), SENTENCES.values(), ids=list(SENTENCES))
def test_a_sentence_with_another_ending_is_nearly_the_same(sentence: str, end: str, other: str) -> None:
    assert alike(sentence + end, sentence + other)


@pytest.mark.parametrize(("sentence", "end", "other"), SENTENCES.values(), ids=list(SENTENCES))
def test_half_of_a_sentence_is_another_matter(sentence: str, end: str, other: str) -> None:
    assert not alike(sentence + end, sentence[: len(sentence) // 2] + other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("เครื่องนี้ใช้ได้ไหม", "เครื่องนี้ ใช้ได้ไหม?"),
        ("ขอ\u200bสอบถาม\u200bวิธีใช้", "ขอสอบถามวิธีใช้"),
        ("តើវាដំណើរការទេ។", "តើ\u200bវា\u200bដំណើរការ\u200bទេ"),
        ("ဒါဘာလဲ။", "ဒါ ဘာလဲ"),
        ("这是什么？", "这是什么"),
        ("これは、机です。", "これは机です"),
        ("ﾊﾟｿｺﾝﾃﾞｽ｡", "パソコンです".replace("です", "デス")),
        ("スティーブ・ジョブズ", "スティーブジョブズ"),
        ("यह क्या है।", "यह क्या है"),
        ("ما هذا؟", "ما هذا"),
        ("སྐད་ཡིག་ཡིན།", "སྐད་ཡིག་ཡིན"),
    ],
)
def test_the_same_but_for_signs(one: str, other: str) -> None:
    assert alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("เครื่องเจาะรุ่น ๑๒ ใช้ได้ไหม" * 4, "เครื่องเจาะรุ่น ๒๑ ใช้ได้ไหม" * 4),
        (f"รุ่น 12 {SENTENCES['Thai'][0]}", f"รุ่น 13 {SENTENCES['Thai'][0]}"),
        (f"{SENTENCES['Thai'][0]} XR-7", f"XR-8 {SENTENCES['Thai'][0]}"),
        ("ขายเลื่อยไฟฟ้า", "ขายสว่านไฟฟ้า"),
        ("电钻怎么充电", "电锯怎么充电"),
        ("이 기계는 어떻게 충전하나요", "이 톱은 어떻게 충전하나요"),
    ],
)
def test_what_is_another_matter(one: str, other: str) -> None:
    assert not alike(one, other)


WORDS = {
    "Thai": "ลูกค้า สินค้า ราคา ส่ง คืน เงิน วันนี้ พรุ่งนี้ ร้าน เครื่อง สว่าน เลื่อย เปลี่ยน ซ่อม เปิด ปิด รุ่น ใหม่ ใช้ ได้ อย่างไร ที่ไหน",
    "Khmer": "អតិថិជន ទំនិញ តម្លៃ ផ្ញើ ត្រឡប់ លុយ ថ្ងៃនេះ ស្អែក ហាង ម៉ាស៊ីន រណារ ប្តូរ ជួសជុល បើក បិទ ថ្មី ចាស់ ប្រើ",
    "Burmese": "ဖောက်သည် ကုန်ပစ္စည်း ဈေးနှုန်း ပို့ ပြန် ငွေ ဒီနေ့ မနက်ဖြန် ဆိုင် စက် လွှ လဲ ပြင် ဖွင့် ပိတ် အသစ် အဟောင်း သုံး",
    "Japanese": "注文 商品 返品 配送 明日 今日 お店 機械 電動 ドリル のこぎり 交換 修理 開ける 閉める 新しい 古い 使う どこで",
    "Chinese": "订单 商品 退货 配送 明天 今天 商店 机器 电钻 锯子 更换 维修 打开 关闭 新的 旧的 使用 怎么 哪里 时候",
}


@pytest.mark.parametrize("words", WORDS.values(), ids=list(WORDS))
def test_sentences_of_a_few_words_on_one_subject_are_not_the_same(words: str) -> None:
    draw, known = random.Random(3), words.split()
    texts: dict[str, None] = {}
    for _ in range(150):
        sentence = draw.choices(known, k=draw.randint(4, 12))
        texts["".join(sentence)] = None
        place = draw.randrange(1, len(sentence) - 1)
        swapped = draw.choice([word for word in known if word != sentence[place]])
        texts["".join([*sentence[:place], swapped, *sentence[place + 1 :]])] = None
    assert len(near(list(texts)).texts) == 0


@pytest.mark.parametrize("words", WORDS.values(), ids=list(WORDS))
def test_another_word_within_a_sentence_of_twenty_is_another_sentence(words: str) -> None:
    draw, known = random.Random(5), words.split()
    for _ in range(20):
        sentence = draw.choices(known, k=20)
        place = draw.randrange(3, 17)
        swapped = draw.choice([word for word in known if word != sentence[place]])
        assert not alike("".join(sentence), "".join([*sentence[:place], swapped, *sentence[place + 1 :]]))


def test_a_word_is_a_sign_with_what_combines_with_it() -> None:
    found = {
        "ค่ะ": ["ค่", "ะ"],
        "ខ្ញុំ": ["ខ្ញុំ"],
        "ကျွန်တော်": ["ကျွ", "န်", "တော်"],
        "རྒྱལ་པོ": ["རྒྱལ", "པོ"],
        "รุ่น12แบบ๑๒ USB": ["รุ่", "น", "12", "แ", "บ", "บ", "๑๒", "USB"],
        "한국어 텍스트": ["한국어", "텍스트"],
        "ein Wort, 𠀋々": ["ein", "Wort,", "𠀋", "々"],
    }
    for text, words in found.items():
        assert spaced(unicodedata.normalize("NFKC", text)).split() == words


def test_scripts_with_blanks_are_left_alone() -> None:
    for text in ("Größe “naïve” café", "Что это такое", "यह क्या है", "ما هذا", "이것은 무엇", "ምን ነው", "γειά σου"):
        assert spaced(text) == text and not UNSPACED.search(text) and not mostly_unspaced(text)
    assert mostly_unspaced("แบบ USB") and not mostly_unspaced("the word ก is Thai")
