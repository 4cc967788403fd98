"""What diffusers' tokenizers make of 500 and more prompts, and of every character: clip.json, which text_test.go compares the package with.

python3 -m venv env && env/bin/pip install transformers==5.24.0 tokenizers==0.23.3 && env/bin/pip install --no-deps open_clip_torch==3.3.0
env/bin/python diffuse/text/testdata/clip.py   # rewrites clip.json beside it

The tokenizers are made of the vocabulary in open_clip_torch and the settings published with SDXL (as of SDXL Turbo, ailia-ai/ailia-models#1469).

Every case: text (or bytes, hexadecimal, decoded with errors="replace"), times if the text is repeated; clipl, clipbigg: the tokens without marks (the second left out
where equal; a count and a SHA-256 of little-endian int32 where they are many); input: SHA-256 of both encoders' 77 tokens each, padded and truncated as
pipelines ask for; decoded and decodedbigg: the text of the tokens. "characters": per 1024 code points the SHA-256 of the tokens of "a" c "A", " " c, and "é" c "\u0323" for each.
"""
import hashlib, json, os, random, struct, sys, tempfile, unicodedata
import tokenizers, transformers
from transformers import CLIPTokenizer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tables import vocabulary

here = os.path.dirname(os.path.abspath(__file__))
assert (transformers.__version__, tokenizers.__version__) == ("5.24.0", "0.23.3")


def load(pad):
    tokens, merges = vocabulary()
    added = lambda text, normalized: dict(content=text, lstrip=False, normalized=normalized, rstrip=False, single_word=False, special=True)
    decoder = {"49406": added("<|startoftext|>", True), "49407": added("<|endoftext|>", True)}
    if pad == "!":
        decoder["0"] = added("!", False)
    config = dict(add_prefix_space=False, added_tokens_decoder=decoder, bos_token="<|startoftext|>", clean_up_tokenization_spaces=True, do_lower_case=True,
                  eos_token="<|endoftext|>", errors="replace", model_max_length=77, pad_token=pad, tokenizer_class="CLIPTokenizer", unk_token="<|endoftext|>")
    with tempfile.TemporaryDirectory() as d:
        json.dump({t: i for i, t in enumerate(tokens)}, open(os.path.join(d, "vocab.json"), "w"))
        open(os.path.join(d, "merges.txt"), "w").write("#version: 0.2\n" + "\n".join(" ".join(m) for m in merges) + "\n")
        json.dump(config, open(os.path.join(d, "tokenizer_config.json"), "w"))
        return CLIPTokenizer.from_pretrained(d)


def corpus():
    """Texts, or bytes, or (text, times)."""
    r = random.Random(77)
    rooms = ["living room", "kitchen", "bedroom", "bathroom", "hallway", "dining room", "home office", "attic conversion", "conservatory", "garage", "utility room", "open-plan loft"]
    looks = ["bright and airy", "newly renovated", "sun-drenched", "mid-century modern", "well-proportioned", "south-facing", "immaculately presented", "Grade II listed",
             "energy-efficient (A+++)", "characterful", "high-ceilinged", "turn-key"]
    things = ["oak parquet", "double glazing", "granite worktops", "en-suite", "walk-in wardrobe", "underfloor heating", "bay windows", "a wood-burning stove", "stucco façade",
              "crown moulding", "recessed lights", "a Juliet balcony", "skylights", "quartz countertops", "sash windows", "a 12' x 14' deck", "subway tiles", "plantation shutters"]
    styles = ["HDR photograph", "real estate photo, 24mm, f/8, ISO 100", "professional architectural photography", "twilight exterior shot", "8K UHD, DSLR, sharp focus",
              "straight verticals; neutral white balance", "DSC_0042.JPG", "MLS #4501-B", "£1,250,000 o.n.o.", "$4,999/mo", "€ 389.000,-", "3BR/2BA | 1,850 sq ft | built 1928", "120 m² + 40 m² terrace"]
    for _ in range(130):
        n = r.randint(1, 4)
        t = f"{r.choice(['a ', 'A ', 'The ', 'an image of a ', ''])}{r.choice(looks)} {r.choice(rooms)} with {', '.join(r.sample(things, n))}, {r.choice(styles)}"
        yield r.choice([str, str, str.upper, str.title])(t) + r.choice(["", ".", "!", "…", " --ar 3:2", "; it's for sale"])

    yield from ["", " ", "\n", "a", "A", "I", "!", "!!", "!!!", "!!!!", "! ! !", "sold!", "sold!sold", "!sold", "a!b!!c", "?!?!", "'", "''", "'s", "''s", "' s", ",'s", "a photo of a cat", "hello world"]
    for w in ["don't", "it's", "we've", "we're", "I'm", "they'll", "he'd", "IT'S", "DON'T", "y'all", "rock'n'roll", "o'clock", "the '90s", "'tis", "l'appartement", "dell'arte", "it’s", "‘quoted’",
              "John's's", "'re 've 'll", "'ree", "'veranda", "'llama", "'d'd", "\"'s\"", "can't've", "s's", "'S 'T 'RE", "owner´s", "5's", "’tis", "don''t", "houses'"]:
        yield w
    yield from ["2024", "12,345.67", "1st 2nd 3rd", "½ bath", "3½", "x²+y³", "Ⅳ. floor", "①②③", "１２３", "٣٤٥", "१२३", "一二三", "0x1F", "1e-5", "24/7", "10%", "007", "𝟙𝟚𝟛", "1'6\"", "20°C", "№ 5", "3.14159265358979323846"]
    yield from ["...", "…", "—", "–", "a-b", "a--b", "a—b", "(parenthesis)", "[brackets]", "{braces}", "<tag>", "</w>", "a</w> b", "</w></w>", "<|", "|>", "<||>", "C++", "C#", "@home", "#sale", "a&b", "a&amp;b",
                "50/50", "\\n", "C:\\photos", "~tilde~", "`code`", "^", "_under_score_", "***", "===", "$$$", "a,b;c:d", "«guillemets»", "„quotes“", "¿qué?", "¡hola!", "§ 12", "¶", "†", "™ ® ©", "(bright:1.3)", "((sharp)), [blurry]",
                "&lt;b&gt;", "http://a.b/c?d=e&f=g#h", "name@mail.tld", ":-) ;-) :'(", "a_b", "a…b", "•item", "→", "±", "×", "÷", "≠", "≯", ">\u0338", "!\u0338", "\u0338", "<|endoftext|\u226f", "<|endoftext|>\u0338"]
    for t in ["<|endoftext|>", "<|startoftext|>", "<|startoftext|>a room<|endoftext|>", "a <|endoftext|> b", "a<|endoftext|>b", "<|ENDOFTEXT|>", "<|StartOfText|>x", "<|endoftext|><|endoftext|>", "<|endoftext", "|endoftext|>",
              "<|endoftext|>!", "!<|endoftext|>", "<< |endoftext|>", "<<|endoftext|>>", "<|<|endoftext|>|>", "<|end oftext|>", "'<|endoftext|>s", "<|startoftext|><|pad|>", "<|startoftext|>'s", "<|\u212aendoftext|>", "<\u200b|endoftext|>",
              "<|endoftext|> " * 40, "<|startoftext|>" * 80]:
        yield t
    for s in "\t\n\x0b\x0c\r\x85\xa0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000":
        yield f"large{s}room{s}{s} view{s}"
    for c in "\x00\x01\x08\x1b\x1c\x1d\x1e\x1f\x7f\x80\x9f\xad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u2060\u2066\ufe0f\ufeff\ufffd\uffff\U000e0041\U0010ffff":
        yield f"win{c}dow {c} 4{c}2{c}"
    for t in ["café", "naïve", "Ångström", "Straße", "STRASSE", "ẞ", "façade crépie à l’ancienne", "Łódź", "Đồng Nai, căn hộ cao cấp", "İstanbul'da satılık daire", "ISPARTA ı I i İ", "ΑΘΉΝΑ διαμέρισμα ΟΔΟΣ", "Σίσυφος ΣΑΣ", "ΟΔΥΣΣΕΥΣ.",
              "ЁЛКА, просторная квартира", "Київ їжак", "ﬁne ﬂat", "ǅ Ǆ ǆ", "Åse Å Å", "Ω Ω", "K K k", "Ṩ ṩ Ṩ", "ệ ệ ệ", "q̣̇ q̣̇", "각 각 각", "가각힣", "ㄱㅏㄱ", "שָׁלוֹם דירה", "שׁ", "مَنْزِلٌ لِلْبَيْعِ", "شقة مفروشة ٣ غرف", "کتاب‌خانه",
              "अपार्टमेंट में हवादार कमरा", "क़ ऩ", "বাড়ি ড়", "ਘਰ ਲ਼", "வீடு விற்பனைக்கு ொ", "บ้านเดี่ยว ติดถนน", "ບ້ານ", "အိမ် ဦ", "ផ្ទះ", "བཀྲ་ཤིས གྷ", "ბინა თბილისში ᲑᲘᲜᲐ", "ԲՆԱԿԱՐԱՆ և", "አፓርታማ", "ᏣᎳᎩ ꮳꮃꭹ", "𐐀𐐨 𐐁", "ℵ₀ ∑ ∫ √2",
              "日当たりの良いリビング、南向き", "ガラス ガラス か゚", "ﾊﾝｶｸ ｶﾞ", "明亮宽敞的客厅，落地窗", "坪數 樓層：３樓", "豈 更 車 蘭", "丽 𠄢", "아파트 거실 전망", "𠮷野家", "〒100-0001", "ゞ ゟ", "Ⱥⱥ Ɐ", "ꙀꙁꞋ", "ᾳ ᾼ ᾍ Ὀ", "ΐ ΐ ΐ", "̈́ ̈́", "Ǟ Ǟ", "nͦo᷊",
              "e\u0301\u0323\u0301", "e\u0323\u0301", "a" + "\u0301" * 45 + "\u0323" * 3, "Z" + "\u0335\u0321\u0308\u0353\u0489" * 9 + "algo", "\u0301start", " \u0301 x", "D\u0307\u0323", "\u0915\u093c\u094d", "a\u0345\u0301", "\u1100\u1161\u11a8\u11a8", "\u0b47\u0b56", "\u09c7\u0301\u09be",
              "\u1e9b\u0323", "H\u0331 T\u0308 J\u030c", "\u0344", "\u212b\u0327", "\u2adc", "\U0001d15e", "\u0958\u0301", "\u0f73\u0f71", "\u3099\u304b\u3099", "\U00011099\U000110ba", "\U00011935\U00011930", "\u0061\u1ac0\u0323"]:
        yield t
        if unicodedata.normalize("NFD", t) != t and len(t) > 5:
            yield unicodedata.normalize("NFD", t)
    for t in ["🏠", "🏠🏡", "house 🏠 for sale 🎉!!", "👨‍👩‍👧‍👦", "👍🏽 great view", "🇩🇪🇺🇸", "1️⃣ bedroom", "❤️", "☀️🌤️⛅", "🛏️x3 🛁x2", "🏳️‍🌈", "😀😃😄😁", "🪟🪴", "🫨🫷", "a🏠b", "♻", "☎️ 555-0100", "🏠" * 30, "⭐⭐⭐⭐⭐", "¯\\_(ツ)_/¯", "( ͡° ͜ʖ ͡°)", "Ｆｕｌｌｗｉｄｔｈ ＡＰＴ！", "𝓵𝓾𝔁𝓾𝓻𝔂 𝗟𝗢𝗙𝗧", "ⓁⓄⒻⓉ", "ᴄᴏᴢʏ"]:
        yield t
    yield from [b"\xff", b"room \xff\xfe view", b"\xc3", b"caf\xe9", b"\xc3\x28", b"\xe2\x82", b"\xe2\x82z", b"\xe2\x28\xa1", b"\xf0\x9f\x8f", b"\xf0\x9f\x8fx", b"\xf0\x28\x8c\xbc", b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf4\x90\x80\x80",
                b"\xc0\xaf", b"\xe0\x80\xaf", b"\x80\x81\x82", b"ok\xf8\x88\x80\x80\x80ok", b"a\xcc\x81\xcc", b"\xf0\x9f\x8f\xa0\xf0\x9f", b"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", b"\xfe\xff\x00h\x00i", b"lat\xeen 1: fa\xe7ade"]
    yield from [("large sunny room ", 600), ("a", 10000), ("ab", 5000), ("the", 3333), ("!", 300), ("!", 10000), ("'", 999), ("'s", 2000), ("9", 10000), ("é", 5000), ("e\u0301", 5000), ("\u0301", 500), ("部屋", 2500), ("🏠", 2500), (" ", 10000), (" x", 5000),
                ("supercalifragilisticexpialidocious", 300), ("interior", 75), ("room ", 75), ("room ", 76), ("room ", 74), ("room ", 75), ("!room ", 38), ("zq", 38), ("<|endoftext|>", 700), ("<|", 5000), ("...", 3000), ("xyz!", 2500), ("\u1100\u1161\u11a8", 3000), ("mn ", 3300), ("in", 5000)]
    # Words of the vocabulary glued, scattered letters, and letters of all scripts at random.
    tokens, _ = vocabulary()
    plain = [t.replace("</w>", "") for t in tokens[512:-2] if t.isascii()]
    for _ in range(40):
        yield "".join(r.choice(plain) for _ in range(r.randint(2, 25)))
    for _ in range(30):
        yield "".join(r.choice("abcdefghijklmnopqrstuvwxyz'.,!-  0123456789éßñøłşžđ") for _ in range(r.randint(3, 90)))
    blocks = [(0x20, 0x7e), (0xa0, 0x24f), (0x300, 0x36f), (0x370, 0x52f), (0x5d0, 0x6ff), (0x900, 0xdff), (0x1100, 0x11ff), (0x1e00, 0x1fff), (0x2000, 0x206f), (0x2100, 0x23ff), (0x3040, 0x30ff), (0x4e00, 0x9fff), (0xac00, 0xd7a3), (0xf900, 0xfaff), (0xfb00, 0xffef), (0x1f300, 0x1faff)]
    for _ in range(60):
        some = r.sample(blocks, r.randint(1, 4))
        yield "".join(chr(r.randint(*r.choice(some))) for _ in range(r.randint(1, 40)))


def digest(*rows):
    h = hashlib.sha256()
    for ids in rows:
        h.update(struct.pack(f"<{len(ids)}i", *ids))
    return h.hexdigest()


if __name__ == "__main__":
    both = load("<|endoftext|>"), load("!")
    cases, seen = [], set()
    for t in corpus():
        if t in seen:
            continue
        seen.add(t)
        case = {"bytes": t.hex()} if isinstance(t, bytes) else {"text": t[0], "times": t[1]} if isinstance(t, tuple) else {"text": t}
        text = t.decode("utf-8", "replace") if isinstance(t, bytes) else t[0] * t[1] if isinstance(t, tuple) else t
        ids = [tok(text).input_ids for tok in both]
        assert all(i[0] == 49406 and i[-1] == 49407 for i in ids)
        ids = [i[1:-1] for i in ids]
        many = len(ids[0]) > 200
        short = lambda i: {"count": len(i), "sha256": digest(i)} if many else {"ids": i}
        case["clipl"] = short(ids[0])
        if ids[1] != ids[0]:
            case["clipbigg"] = short(ids[1])
        padded = [tok(text, padding="max_length", max_length=77, truncation=True).input_ids for tok in both]
        assert all(len(p) == 77 for p in padded)
        case["input"] = digest(*padded)
        if not many:
            decoded = [tok.decode(i, clean_up_tokenization_spaces=False) for tok, i in zip(both, ids)]
            case["decoded"] = decoded[0]
            if decoded[1] != decoded[0]:
                case["decodedbigg"] = decoded[1]
        cases.append(case)

    characters = {}
    for block in [*range(0, 0xD800, 1024), *range(0xE000, 0x34000, 1024), 0xE0000]:  # beyond there are no characters, or private ones
        texts = [s for c in map(chr, range(block, block + 1024)) for s in ("a" + c + "A", " " + c, "\u00e9" + c + "\u0323")]
        characters["%x" % block] = digest(*[i[1:-1] for i in both[0](texts).input_ids])
    print(len(cases), "cases", len(characters), "blocks", file=sys.stderr)
    with open(os.path.join(here, "clip.json"), "w", encoding="utf-8") as f:
        f.write('{"cases": [\n' + ",\n".join(json.dumps(c, ensure_ascii=True) for c in cases) + '\n],\n"characters": {\n' + ",\n".join(f'"{k}": "{v}"' for k, v in characters.items()) + "\n}}\n")
